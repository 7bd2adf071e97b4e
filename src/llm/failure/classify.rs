//! Sorts failed answers.

use std::time::Duration;

use regex::Captures;
use serde_json::Value;

use crate::llm::error::{Allowed, LlmError};
use crate::llm::failure::said::Said;
use crate::llm::failure::table::{Compiled, Meaning, rows};
use crate::llm::failure::{fields, waiting};

/// An answer that has less room than this beside its conversation is no use: the conversation is what
/// is too long.
const MIN_ANSWER: u32 = 1_024;

/// A failed answer as it came.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// The provider.
    pub provider: &'static str,
    /// The model that was asked for.
    pub model: &'a str,
    /// The HTTP status, or the one that an error event stands for.
    pub status: u16,
    /// The value of `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The body, or as much of it as was read.
    pub body: &'a str,
}

/// Sorts a failed answer.
pub fn classify(failure: Failure<'_>) -> LlmError {
    let said = Said::read(failure.body);
    if let Some(title) = said.page()
        && let Some(error) = page(failure, title)
    {
        return error;
    }
    field_missing(failure, &said)
        .or_else(|| by_table(failure, &said))
        .or_else(|| field_refused(failure, &said))
        .unwrap_or_else(|| by_status(failure, &said))
}

/// A web page came instead of an answer: of something in between, which knows no keys. Other statuses
/// mean with a page what they mean without one.
fn page(failure: Failure<'_>, title: &str) -> Option<LlmError> {
    let Failure {
        provider, status, ..
    } = failure;
    let reason = if title.is_empty() {
        "a web page came back".to_owned()
    } else {
        format!("a web page came back, `{title}`")
    };
    matches!(status, 401 | 403 | 451).then_some(LlmError::Blocked {
        provider,
        status,
        reason,
    })
}

fn by_table(failure: Failure<'_>, said: &Said) -> Option<LlmError> {
    rows(failure.status).find_map(|compiled| {
        let found = numbers(compiled, said.lower());
        if found.is_none() && !said.has_code(compiled.row.codes) {
            return None;
        }
        meant(failure, said, compiled.row.means, found.as_ref())
    })
}

/// The pattern of a row that was found; rather one that read a number than another.
fn numbers<'a>(row: &Compiled, lower: &'a str) -> Option<Captures<'a>> {
    let found = || row.says.iter().filter_map(|says| says.captures(lower));
    let has_number = |found: &Captures<'_>| {
        let names = ["window", "cap", "below"];
        names.iter().any(|name| found.name(name).is_some())
    };
    found().find(has_number).or_else(|| found().next())
}

/// The error that a row of the table means; none when it turns out not to mean it.
fn meant(
    failure: Failure<'_>,
    said: &Said,
    means: Meaning,
    found: Option<&Captures<'_>>,
) -> Option<LlmError> {
    let Failure {
        provider,
        model,
        status,
        ..
    } = failure;
    let number = |name: &str| {
        let text = found?.name(name)?.as_str().replace(',', "");
        text.parse::<u32>().ok()
    };
    Some(match means {
        Meaning::AnswerLimit => return Some(answer_limit(failure, said, number)),
        Meaning::Window => LlmError::ContextTooLong {
            provider,
            window: number("window"),
        },
        Meaning::Quota => LlmError::QuotaExhausted { provider },
        Meaning::Botched => LlmError::Botched {
            provider,
            reason: said.reason(),
        },
        Meaning::UnknownModel => LlmError::UnknownModel {
            provider,
            model: model.to_owned(),
        },
        Meaning::RateLimit => rate_limited(failure, said),
        Meaning::Overloaded if status == 429 => rate_limited(failure, said),
        Meaning::Overloaded if matches!(status, 401 | 403 | 404) => return None,
        Meaning::Overloaded => unavailable(failure, said),
        Meaning::Key => LlmError::Unauthorized { provider, status },
        Meaning::Refused => rejected(failure, said),
        Meaning::Blocked => LlmError::Blocked {
            provider,
            status,
            reason: said.reason(),
        },
    })
}

/// An answer that is too long; or what it really is when there is hardly room for any.
fn answer_limit(
    failure: Failure<'_>,
    said: &Said,
    number: impl Fn(&str) -> Option<u32>,
) -> LlmError {
    let Failure {
        provider, status, ..
    } = failure;
    let reason = said.reason();
    if let (Some(window), Some(input)) = (number("window"), number("input")) {
        if window.saturating_sub(input) < MIN_ANSWER {
            let window = Some(window);
            return LlmError::ContextTooLong { provider, window };
        }
        let allowed = Allowed::Beside { window, input };
        return LlmError::AnswerLimit {
            provider,
            allowed,
            reason,
        };
    }
    let below = number("below").map(|below| below.saturating_sub(1));
    let cap = number("cap").or(below);
    // An account that can pay for a few words only is empty.
    if status == 402 && cap.is_none_or(|cap| cap < MIN_ANSWER) {
        return LlmError::QuotaExhausted { provider };
    }
    LlmError::AnswerLimit {
        provider,
        allowed: cap.map_or(Allowed::Less, Allowed::Tokens),
        reason,
    }
}

fn field_missing(failure: Failure<'_>, said: &Said) -> Option<LlmError> {
    let Failure {
        provider, status, ..
    } = failure;
    if !matches!(status, 400 | 422 | 500..=502) {
        return None;
    }
    let field = fields::missing(said.lower())?;
    Some(LlmError::FieldMissing {
        provider,
        status,
        field,
        reason: said.reason(),
    })
}

fn field_refused(failure: Failure<'_>, said: &Said) -> Option<LlmError> {
    let Failure {
        provider, status, ..
    } = failure;
    if !matches!(status, 400 | 404 | 405 | 415 | 422 | 424 | 500..=502) {
        return None;
    }
    let field = fields::refused(said.lower(), said.names())?;
    Some(LlmError::FieldRefused {
        provider,
        status,
        field,
        reason: said.reason(),
    })
}

fn by_status(failure: Failure<'_>, said: &Said) -> LlmError {
    let Failure {
        provider,
        model,
        status,
        ..
    } = failure;
    match status {
        402 => LlmError::QuotaExhausted { provider },
        401 | 403 => LlmError::Unauthorized { provider, status },
        413 => LlmError::ContextTooLong {
            provider,
            window: None,
        },
        404 if said.lower().contains("model") => LlmError::UnknownModel {
            provider,
            model: model.to_owned(),
        },
        429 => rate_limited(failure, said),
        // A request time-out, a lock that is held, a request that came too early: the same request
        // succeeds later. 501 and 505 never do.
        408 | 409 | 425 | 500 | 502..=504 | 506..=599 => unavailable(failure, said),
        300..=399 => LlmError::Rejected {
            provider,
            status,
            reason: "redirects are not followed; check the provider's base URL".to_owned(),
        },
        _ => rejected(failure, said),
    }
}

fn rate_limited(failure: Failure<'_>, said: &Said) -> LlmError {
    LlmError::RateLimited {
        provider: failure.provider,
        retry_after: wait(failure),
        reason: said.explanation().unwrap_or_default(),
    }
}

fn unavailable(failure: Failure<'_>, said: &Said) -> LlmError {
    LlmError::Unavailable {
        provider: failure.provider,
        status: failure.status,
        retry_after: wait(failure),
        reason: said.explanation().unwrap_or_default(),
    }
}

fn rejected(failure: Failure<'_>, said: &Said) -> LlmError {
    LlmError::Rejected {
        provider: failure.provider,
        status: failure.status,
        reason: said.reason(),
    }
}

fn wait(failure: Failure<'_>) -> Option<Duration> {
    failure.retry_after.or_else(|| waiting::said(failure.body))
}

/// The status that an error inside a stream stands for: its own number if it has one, else what
/// its type or code means. What is unknown counts as the provider's own failure.
pub(in crate::llm) fn status_of(error: &Value) -> u16 {
    let number = |value: &Value| {
        let text = value.as_str().and_then(|text| text.parse().ok());
        value.as_u64().or(text)
    };
    let numeric = number(&error["code"])
        .or_else(|| number(&error["status"]))
        .or_else(|| number(&error["status_code"]))
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (400..600).contains(code));
    if let Some(status) = numeric {
        return status;
    }
    let named = |key: &str| match error[key].as_str().unwrap_or_default() {
        "invalid_request_error"
        | "context_length_exceeded"
        | "invalid_prompt"
        | "invalid_encrypted_content"
        | "data_residency_mismatch"
        | "bio_policy"
        | "cyber_policy"
        | "BadRequestError"
        | "INVALID_ARGUMENT" => Some(400),
        "authentication_error" | "invalid_api_key" => Some(401),
        "billing_error" | "insufficient_quota" => Some(402),
        "permission_error" => Some(403),
        "not_found_error" | "model_not_found" => Some(404),
        "request_too_large" => Some(413),
        "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" => Some(429),
        "timeout_error" | "vector_store_timeout" => Some(504),
        "overloaded_error" | "overloaded" | "server_is_overloaded" | "slow_down" => Some(529),
        image if image.starts_with("invalid_image") || image.starts_with("image_") => Some(400),
        _ => None,
    };
    named("code")
        .or_else(|| named("type"))
        .or_else(|| named("status"))
        .unwrap_or(500)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::error::Remedy;

    /// Answers as real providers and gateways send them: what they ask for, who sends them, status, body.
    /// Numbers behind what they ask for are the window or the limit that was read.
    const ANSWERS: &str = include_str!("examples.txt");

    fn sorted(status: u16, body: &str) -> LlmError {
        classify(Failure {
            provider: "test",
            model: "model-x",
            status,
            retry_after: None,
            body,
        })
    }

    /// The reaction that an error asks for, in one word, with the number that was read.
    fn told(error: &LlmError) -> String {
        let verdict = match error.remedy() {
            Remedy::Wait => "wait",
            Remedy::AskAgain => "ask-again",
            Remedy::Compact => "compact",
            Remedy::ShortenAnswer => "shorten-answer",
            Remedy::LeaveOut => "leave-out",
            Remedy::PutBack => "put-back",
            Remedy::FallBack => "fall-back",
            Remedy::AskPerson => "ask-person",
            Remedy::GiveUp => "give-up",
        };
        let detail = match error {
            LlmError::ContextTooLong { window, .. } => window.map(|window| window.to_string()),
            LlmError::AnswerLimit { allowed, .. } => match allowed {
                Allowed::Tokens(most) => Some(most.to_string()),
                Allowed::Beside { window, input } => Some((window - input).to_string()),
                Allowed::Less => None,
            },
            LlmError::FieldRefused { field, .. } | LlmError::FieldMissing { field, .. } => {
                Some((*field).to_owned())
            }
            LlmError::RateLimited { retry_after, .. }
            | LlmError::Unavailable { retry_after, .. } => {
                retry_after.map(|wait| wait.as_secs().to_string())
            }
            LlmError::Network { .. }
            | LlmError::TimedOut { .. }
            | LlmError::Unauthorized { .. }
            | LlmError::QuotaExhausted { .. }
            | LlmError::Blocked { .. }
            | LlmError::UnknownModel { .. }
            | LlmError::Rejected { .. }
            | LlmError::Botched { .. }
            | LlmError::Protocol { .. }
            | LlmError::Repeats { .. }
            | LlmError::Truncated { .. } => None,
        };
        match detail {
            Some(detail) => format!("{verdict}:{detail}"),
            None => verdict.to_owned(),
        }
    }

    #[test]
    fn answers_of_real_providers_are_sorted_by_what_to_do() {
        let mut wrong = Vec::new();
        for line in ANSWERS
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let [expected, provider, status, body] = line.splitn(4, ' ').collect::<Vec<_>>()[..]
            else {
                panic!("{line}");
            };
            let error = sorted(status.parse().unwrap(), body);
            if told(&error) != expected {
                wrong.push(format!(
                    "{provider} {status} {body}\n    {} {error:?}",
                    told(&error)
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_row_of_the_table_is_met_by_an_example() {
        let mut met = std::collections::BTreeSet::new();
        for line in ANSWERS
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let [_, _, status, body] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let said = Said::read(body);
            for row in rows(status.parse().unwrap()) {
                let codes = row.row.codes.iter().filter(|code| said.has_code(&[**code]));
                met.extend(codes.copied());
                let says = row.says.iter().filter(|says| says.is_match(said.lower()));
                met.extend(says.map(regex::Regex::as_str));
            }
        }
        let mut unmet: Vec<&&str> = Vec::new();
        for row in super::super::table::TABLE {
            let signs = row.codes.iter().chain(row.says);
            unmet.extend(signs.filter(|sign| !met.contains(*sign)));
        }
        assert!(unmet.is_empty(), "without an example: {unmet:#?}");
    }

    #[test]
    fn a_key_that_was_refused_and_a_page_that_stands_in_the_way_are_told_apart() {
        let page = "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title>";
        for status in [401, 403] {
            assert_eq!(sorted(status, page).code(), "MODEL_BLOCKED");
            assert_eq!(sorted(status, "{}").code(), "MODEL_KEY_REFUSED");
        }
        assert!(
            sorted(403, page)
                .to_string()
                .contains("Attention Required!")
        );
        assert_eq!(sorted(502, page).code(), "MODEL_UNAVAILABLE");
        assert_eq!(sorted(404, page).code(), "MODEL_REQUEST_REJECTED");
    }

    #[test]
    fn an_error_in_a_stream_has_the_status_of_its_number_or_its_name() {
        use serde_json::json;
        for (error, status) in [
            (json!({"code": 503}), 503),
            (json!({"code": "429"}), 429),
            (json!({"status": "RESOURCE_EXHAUSTED"}), 429),
            (json!({"type": "overloaded_error"}), 529),
            (json!({"code": "server_is_overloaded"}), 529),
            (json!({"code": "invalid_image_format"}), 400),
            (json!({"code": "server_error"}), 500),
            (json!({"message": "anything"}), 500),
        ] {
            assert_eq!(status_of(&error), status, "{error}");
        }
    }
}
