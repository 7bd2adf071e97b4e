//! Sorts failed answers.

use regex::Captures;
use serde_json::Value;
use std::time::Duration;

use crate::llm::error::{Allowed, LlmError};
use crate::llm::failure::said::Said;
use crate::llm::failure::table::{Meaning, rows};
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
    by_table(failure, &said)
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
        if said.has_code(compiled.row.codes) {
            // A code says less than the words beside it.
            let found = compiled.says.iter().find_map(|it| it.captures(said.lower()));
            return meant(failure, said, compiled.row.means, found.as_ref());
        }
        let found = compiled.says.iter().find_map(|it| it.captures(said.lower()))?;
        meant(failure, said, compiled.row.means, Some(&found))
    })
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
        Meaning::AnswerLimit => {
            let allowed = match (number("window"), number("input")) {
                (Some(window), Some(input)) => {
                    if window.saturating_sub(input) < MIN_ANSWER {
                        let window = Some(window);
                        return Some(LlmError::ContextTooLong { provider, window });
                    }
                    Allowed::Beside { window, input }
                }
                _ => {
                    let below = number("below").map(|below| below.saturating_sub(1));
                    let cap = number("cap").or(below);
                    // An account that can pay for a few words only is empty.
                    if status == 402 && cap.is_none_or(|cap| cap < MIN_ANSWER) {
                        return Some(LlmError::QuotaExhausted { provider });
                    }
                    cap.map_or(Allowed::Less, Allowed::Tokens)
                }
            };
            LlmError::AnswerLimit {
                provider,
                allowed,
                reason: said.reason(),
            }
        }
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
        Meaning::Overloaded if matches!(status, 401 | 404) => return None,
        Meaning::Overloaded => unavailable(failure, said),
        Meaning::Refused => rejected(failure, said),
        Meaning::Blocked => LlmError::Blocked {
            provider,
            status,
            reason: said.reason(),
        },
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
        "invalid_request_error" | "context_length_exceeded" | "invalid_prompt"
        | "BadRequestError" | "INVALID_ARGUMENT" => Some(400),
        "authentication_error" | "invalid_api_key" => Some(401),
        "billing_error" | "insufficient_quota" => Some(402),
        "permission_error" => Some(403),
        "not_found_error" | "model_not_found" => Some(404),
        "request_too_large" => Some(413),
        "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" => Some(429),
        "timeout_error" => Some(504),
        "overloaded_error" | "overloaded" => Some(529),
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
    use std::fmt::Write as _;

    fn sorted(status: u16, body: &str) -> LlmError {
        classify(Failure {
            provider: "openai",
            model: "gpt-x",
            status,
            retry_after: None,
            body,
        })
    }

    /// Statuses with bodies as real providers send them.
    const ANSWERS: &str = r#"401 {"error":{"message":"Incorrect API key provided: sk-abc","code":"invalid_api_key"}}
        403 {"error":{"message":"Country not supported","code":"unsupported_country_region_territory"}}
        403 {"error":{"message":"Your input was flagged by moderation","code":403}}
        403 {"error":{"message":"Project does not have access to model `gpt-x`","code":"model_not_found"}}
        402 {"error":{"message":"Insufficient credits","code":402}}
        429 {"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}
        400 {"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}
        429 {"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}
        429 [{"error":{"code":429,"message":"Resource has been exhausted","status":"RESOURCE_EXHAUSTED"}}]
        404 {"error":{"message":"The model `gpt-x` does not exist","code":"model_not_found"}}
        404 {"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}
        404 <html>nginx: not found</html>
        400 {"error":{"message":"x is not a valid model ID","code":400}}
        400 {"error":{"message":"This model's maximum context length is 128000 tokens","code":"context_length_exceeded"}}
        400 {"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}
        400 {"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}
        413 {"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}
        400 {"error":{"message":"Unsupported parameter:\n 'max_tokens'","code":"unsupported_parameter"}}
        422 {"detail":"field required"}
        500 {}
        503 {"error":"model is loading"}
        529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}
        501 {}
        408 {}
        302 {}"#;

    #[test]
    fn answers_of_real_providers_are_sorted_by_what_to_do() {
        let mut table = String::new();
        for case in ANSWERS.lines().map(str::trim_start) {
            let (status, body) = case.split_once(' ').unwrap();
            let error = sorted(status.parse().unwrap(), body);
            let retry = if error.is_retryable() { "retry" } else { "-" };
            writeln!(table, "{status} {} {retry}: {error}", error.code()).unwrap();
        }
        insta::assert_snapshot!(table, @r"
        401 MODEL_KEY_REFUSED -: `openai` refused the API key (status 401); check the provider's key setting
        403 MODEL_KEY_REFUSED -: `openai` refused the API key (status 403); check the provider's key setting
        403 MODEL_REQUEST_REJECTED -: `openai` rejected the request (status 403): Your input was flagged by moderation
        403 MODEL_UNKNOWN -: `openai` does not know the model `gpt-x`
        402 MODEL_QUOTA_EXHAUSTED -: `openai` reports that the account's quota or credit is used up
        429 MODEL_QUOTA_EXHAUSTED -: `openai` reports that the account's quota or credit is used up
        400 MODEL_QUOTA_EXHAUSTED -: `openai` reports that the account's quota or credit is used up
        429 MODEL_RATE_LIMITED retry: `openai` limits the rate of requests
        429 MODEL_RATE_LIMITED retry: `openai` limits the rate of requests
        404 MODEL_UNKNOWN -: `openai` does not know the model `gpt-x`
        404 MODEL_UNKNOWN -: `openai` does not know the model `gpt-x`
        404 MODEL_REQUEST_REJECTED -: `openai` rejected the request (status 404): a web page came back; check the provider's base URL
        400 MODEL_UNKNOWN -: `openai` does not know the model `gpt-x`
        400 MODEL_CONTEXT_TOO_LONG -: the conversation is longer than the model's context window
        400 MODEL_CONTEXT_TOO_LONG -: the conversation is longer than the model's context window
        400 MODEL_CONTEXT_TOO_LONG -: the conversation is longer than the model's context window
        413 MODEL_CONTEXT_TOO_LONG -: the conversation is longer than the model's context window
        400 MODEL_REQUEST_REJECTED -: `openai` rejected the request (status 400): Unsupported parameter: 'max_tokens'
        422 MODEL_REQUEST_REJECTED -: `openai` rejected the request (status 422): field required
        500 MODEL_UNAVAILABLE retry: `openai` is unavailable (status 500)
        503 MODEL_UNAVAILABLE retry: `openai` is unavailable (status 503)
        529 MODEL_UNAVAILABLE retry: `openai` is unavailable (status 529)
        501 MODEL_REQUEST_REJECTED -: `openai` rejected the request (status 501): no explanation was given; check the provider's base URL
        408 MODEL_UNAVAILABLE retry: `openai` is unavailable (status 408)
        302 MODEL_REQUEST_REJECTED -: `openai` rejected the request (status 302): redirects are not followed; check the provider's base URL
        ");
    }
}
