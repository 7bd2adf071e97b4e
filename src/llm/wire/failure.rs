//! Sorts failures by what to do about them. Pure.
//!
//! Providers agree on HTTP statuses more than on words, so the status decides where it can; codes
//! and words decide where one status means several things (a 400 can be a long conversation, a 429
//! an empty account).

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::llm::error::LlmError;
use crate::platform::text::first_bytes;

/// The most of a provider's explanation that is kept, in bytes.
const MAX_REASON: usize = 300;
/// No provider means to be waited for longer.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Something that the protocol does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken(String);

impl Broken {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The error, with the name of whoever broke the protocol.
    pub(super) fn by(self, provider: &'static str) -> LlmError {
        LlmError::Protocol {
            provider,
            reason: self.0,
        }
    }
}

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
    let Failure {
        provider,
        model,
        status,
        retry_after,
        ..
    } = failure;
    let unknown_model = || LlmError::UnknownModel {
        provider,
        model: model.to_owned(),
    };
    if said.quota_exhausted() {
        return LlmError::QuotaExhausted { provider };
    }
    match status {
        402 => LlmError::QuotaExhausted { provider },
        _ if said.code_is(&["model_not_found", "model_not_available"]) => unknown_model(),
        // OpenRouter refuses flagged input with 403; the key is fine.
        401 | 403 if !(status == 403 && said.mentions(&["moderation", "flagged"])) => {
            LlmError::Unauthorized { provider, status }
        }
        413 => LlmError::ContextTooLong { provider },
        400 | 422 if said.context_too_long() => LlmError::ContextTooLong { provider },
        400 | 404 if said.model_unknown(status) => unknown_model(),
        429 => LlmError::RateLimited {
            provider,
            retry_after,
        },
        // A request time-out, a lock that is held, a request that came too early: the same request
        // succeeds later. 501 and 505 never do.
        408 | 409 | 425 | 500 | 502..=504 | 506..=599 => LlmError::Unavailable {
            provider,
            status,
            retry_after,
        },
        300..=399 => LlmError::Rejected {
            provider,
            status,
            reason: "redirects are not followed; check the provider's base URL".to_owned(),
        },
        _ => LlmError::Rejected {
            provider,
            status,
            reason: said.reason(),
        },
    }
}

/// The status that an error inside a stream stands for: its own number if it has one, else what
/// its type or code means. What nobody knows counts as the provider's own failure.
pub(super) fn status_of(error: &Value) -> u16 {
    let numeric = error["code"]
        .as_u64()
        .or_else(|| error["status"].as_u64())
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (400..600).contains(code));
    if let Some(status) = numeric {
        return status;
    }
    let named = |key: &str| match error[key].as_str().unwrap_or_default() {
        "invalid_request_error" | "context_length_exceeded" | "invalid_prompt" => Some(400),
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
    named("code").or_else(|| named("type")).unwrap_or(500)
}

/// The words of a failed answer, in lower case where they are compared.
struct Said {
    code: String,
    kind: String,
    message: String,
    lower: String,
}

impl Said {
    /// Reads `{"error": {…}}`, `{"error": "…"}`, `[{"error": …}]`, `{"message": …}` or plain text.
    fn read(body: &str) -> Self {
        let value: Value = serde_json::from_str(body).unwrap_or_default();
        let outer = value.get(0).unwrap_or(&value);
        let error = outer.get("error").unwrap_or(outer);
        let text = |key: &str| match &error[key] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
        };
        let message = [
            error.as_str().map(str::to_owned),
            Some(text("message")),
            outer["detail"].as_str().map(str::to_owned),
            value.is_null().then(|| body.to_owned()),
        ]
        .into_iter()
        .flatten()
        .find(|text| !text.trim().is_empty())
        .unwrap_or_default();
        Self {
            code: text("code"),
            kind: text("type"),
            lower: message.to_lowercase(),
            message,
        }
    }

    fn code_is(&self, codes: &[&str]) -> bool {
        codes.contains(&self.code.as_str()) || codes.contains(&self.kind.as_str())
    }

    fn mentions(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.lower.contains(word))
    }

    fn quota_exhausted(&self) -> bool {
        self.code_is(&[
            "insufficient_quota",
            "billing_hard_limit_reached",
            "billing_error",
            "billing_not_active",
        ]) || self.mentions(&[
            "credit balance is too low",
            "insufficient credits",
            "insufficient balance",
        ])
    }

    fn context_too_long(&self) -> bool {
        self.code_is(&["context_length_exceeded", "request_too_large"])
            || self.mentions(&[
                "prompt is too long",
                "context length",
                "context window",
                "context size",
                "maximum context",
                "exceed context limit",
                "exceeds the maximum number of tokens",
                "input token count exceeds",
                "reduce the length",
                "too many tokens",
            ])
    }

    fn model_unknown(&self, status: u16) -> bool {
        let about_model = self.mentions(&["model"]);
        match status {
            404 => about_model,
            _ => {
                self.mentions(&["not a valid model", "invalid model", "unknown model"])
                    || about_model
                        && self.mentions(&["does not exist", "not found", "decommissioned"])
            }
        }
    }

    /// The explanation on one line, shortened.
    fn reason(&self) -> String {
        let line: String = self
            .message
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let line = line.replace(char::is_control, "");
        if line.starts_with('<') {
            return "a web page came back; check the provider's base URL".to_owned();
        }
        if line.is_empty() {
            return "no explanation was given; check the provider's base URL".to_owned();
        }
        first_bytes(&line, MAX_REASON).to_owned()
    }
}

/// The time to wait, from the headers `retry-after-ms` and `retry-after`; the latter in seconds
/// or as an HTTP date, which is compared with `now`. At most an hour.
pub fn retry_after(
    millis: Option<&str>,
    seconds_or_date: Option<&str>,
    now: DateTime<Utc>,
) -> Option<Duration> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    let from_millis = millis.and_then(number).map(|millis| millis / 1_000.0);
    let wait = from_millis
        .or_else(|| seconds_or_date.and_then(number))
        .and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok())
        .or_else(|| {
            let at = DateTime::parse_from_rfc2822(seconds_or_date?.trim()).ok()?;
            Some((at.with_timezone(&Utc) - now).to_std().unwrap_or_default())
        })?;
    Some(wait.min(MAX_RETRY_AFTER))
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

    #[test]
    fn retry_after_is_read_in_every_form_and_bounded() {
        let now = DateTime::parse_from_rfc3339("2026-11-23T10:00:00Z")
            .unwrap()
            .with_timezone(&Utc);
        let read = |millis, seconds| retry_after(millis, seconds, now).map(|wait| wait.as_millis());
        assert_eq!(read(None, Some("7")), Some(7_000));
        assert_eq!(read(None, Some(" 1.5 ")), Some(1_500));
        assert_eq!(read(Some("250"), Some("7")), Some(250));
        assert_eq!(
            read(None, Some("Mon, 23 Nov 2026 10:00:30 GMT")),
            Some(30_000)
        );
        assert_eq!(read(None, Some("Mon, 23 Nov 2026 09:00:00 GMT")), Some(0));
        assert_eq!(read(None, Some("-5")), Some(0));
        assert_eq!(read(None, Some("1e300")), None);
        assert_eq!(read(None, Some("999999999")), Some(3_600_000));
        assert_eq!(read(None, Some("soon")), None);
        assert_eq!(read(None, Some("NaN")), None);
        assert_eq!(read(None, None), None);
    }

    #[test]
    fn an_error_event_stands_for_a_status() {
        let status = |text: &str| status_of(&serde_json::from_str(text).unwrap());
        assert_eq!(status(r#"{"type":"overloaded_error"}"#), 529);
        assert_eq!(status(r#"{"type":"api_error"}"#), 500);
        assert_eq!(status(r#"{"code":502,"message":"bad gateway"}"#), 502);
        assert_eq!(
            status(r#"{"code":"rate_limit_exceeded","type":"requests"}"#),
            429
        );
        assert_eq!(status(r#"{"code":7}"#), 500);
        assert_eq!(status(r#""text""#), 500);
    }
}
