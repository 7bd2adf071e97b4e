//! Why a model call failed, sorted by what the caller should do about it.

use std::time::Duration;

/// A failed call. `provider` is always the configured name, never text from outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// The provider limits the rate of requests.
    #[error("`{provider}` limits the rate of requests{}", after_colon(reason))]
    RateLimited {
        /// Whose limit.
        provider: &'static str,
        /// The wait that `Retry-After` or the explanation named.
        retry_after: Option<Duration>,
        /// The provider's explanation, shortened; empty when there was none.
        reason: String,
    },
    /// The provider is overloaded, loads its model or failed (500, 502, 503, 504, 529).
    #[error("`{provider}` is unavailable (status {status}){}", after_colon(reason))]
    Unavailable {
        /// Who.
        provider: &'static str,
        /// The HTTP status, or the one its error event stands for.
        status: u16,
        /// The wait that `Retry-After` or the explanation named.
        retry_after: Option<Duration>,
        /// The provider's explanation, shortened; empty when there was none.
        reason: String,
    },
    /// The connection could not be made or broke.
    #[error("{reason}")]
    Network {
        /// Who.
        provider: &'static str,
        /// Where, by its base URL and the setting that names it, and what happened; without keys.
        reason: String,
    },
    /// Nothing arrived within the limit.
    #[error("`{provider}` sent nothing for {} s", waited.as_secs())]
    TimedOut {
        /// Who.
        provider: &'static str,
        /// The time we waited.
        waited: Duration,
    },
    /// The provider refused the key.
    #[error("`{provider}` refused the API key (status {status}); check the provider's key setting")]
    Unauthorized {
        /// Who.
        provider: &'static str,
        /// 401 or 403.
        status: u16,
    },
    /// The account is empty.
    #[error("`{provider}` reports that the account's quota or credit is used up")]
    QuotaExhausted {
        /// Who.
        provider: &'static str,
    },
    /// Something between us and the provider keeps the request back, and shows a page that says so.
    #[error(
        "a proxy or firewall in front of `{provider}` blocks the request (status {status}): \
         {reason}; the API key was not checked"
    )]
    Blocked {
        /// Who was to be reached.
        provider: &'static str,
        /// The HTTP status.
        status: u16,
        /// The title of the page, or what it said.
        reason: String,
    },
    /// The conversation does not fit.
    #[error("the conversation is longer than the model's context window")]
    ContextTooLong {
        /// Who.
        provider: &'static str,
        /// The number of tokens that fits, where the provider said so.
        window: Option<u32>,
    },
    /// The answer that was asked for is longer than the model gives, or than what is left beside the
    /// conversation.
    #[error("`{provider}` refuses answers of the requested length: {reason}")]
    AnswerLimit {
        /// Who.
        provider: &'static str,
        /// The length that an answer may have.
        allowed: Allowed,
        /// The provider's explanation, shortened.
        reason: String,
    },
    /// The server does not know a field of the request.
    #[error("`{provider}` refuses the field `{field}` (status {status}): {reason}")]
    FieldRefused {
        /// Who.
        provider: &'static str,
        /// The HTTP status.
        status: u16,
        /// The field.
        field: &'static str,
        /// The provider's explanation, shortened.
        reason: String,
    },
    /// The server insists on a field that was left out, or of which nothing was kept.
    #[error("`{provider}` requires the field `{field}` (status {status}): {reason}")]
    FieldMissing {
        /// Who.
        provider: &'static str,
        /// The HTTP status.
        status: u16,
        /// The field.
        field: &'static str,
        /// The provider's explanation, shortened.
        reason: String,
    },
    /// The provider does not know the model.
    #[error("`{provider}` does not know the model `{model}`")]
    UnknownModel {
        /// Who.
        provider: &'static str,
        /// Which model was asked for.
        model: String,
    },
    /// Our request is wrong; sending it again gives the same answer.
    #[error("`{provider}` rejected the request (status {status}): {reason}")]
    Rejected {
        /// Who.
        provider: &'static str,
        /// The HTTP status.
        status: u16,
        /// The provider's explanation, shortened.
        reason: String,
    },
    /// The provider could not read what its own model wrote, such as a malformed tool call.
    #[error("`{provider}` could not read its model's answer: {reason}")]
    Botched {
        /// Who.
        provider: &'static str,
        /// The provider's explanation, shortened.
        reason: String,
    },
    /// The provider sent something its protocol does not allow.
    #[error("`{provider}` violated its protocol: {reason}")]
    Protocol {
        /// Who.
        provider: &'static str,
        /// The violation.
        reason: String,
    },
    /// The model says the same over and over, and would until its limit.
    #[error("the model of `{provider}` kept repeating itself and was stopped: “{part}”")]
    Repeats {
        /// Who.
        provider: &'static str,
        /// The part that it repeated, shortened.
        part: String,
    },
    /// The stream ended without its last event.
    #[error("the answer of `{provider}` was cut off before its end")]
    Truncated {
        /// Who.
        provider: &'static str,
    },
}

/// The length that an answer may have, as a refusal said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// At most this many tokens, whatever the conversation.
    Tokens(u32),
    /// The part that the conversation leaves of the window, in tokens.
    Beside {
        /// The window.
        window: u32,
        /// The part that the conversation takes of it.
        input: u32,
    },
    /// Less than was asked for; nothing says how much less.
    Less,
}

/// The reaction that an error asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Wait, then ask again, for as long as the budget of time lasts.
    Wait,
    /// Ask again now, a few times: the answer could not be read, and the next one may be.
    AskAgain,
    /// Shorten the conversation.
    Compact,
    /// Ask for a shorter answer.
    ShortenAnswer,
    /// Leave out the field that the server does not know.
    LeaveOut,
    /// Put back the field that the server insists on.
    PutBack,
    /// Fall back to another model: this one cannot.
    FallBack,
    /// Have a person act, such as pay: waiting alone changes nothing.
    AskPerson,
    /// Give up.
    GiveUp,
}

/// An explanation as the end of a sentence; nothing when there is none.
fn after_colon(reason: &str) -> String {
    if reason.is_empty() {
        return String::new();
    }
    format!(": {reason}")
}

impl LlmError {
    /// The reaction to it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Network { .. }
            | Self::TimedOut { .. }
            | Self::Truncated { .. } => Remedy::Wait,
            Self::Botched { .. } | Self::Protocol { .. } | Self::Repeats { .. } => Remedy::AskAgain,
            Self::ContextTooLong { .. } => Remedy::Compact,
            Self::AnswerLimit { .. } => Remedy::ShortenAnswer,
            Self::FieldRefused { .. } => Remedy::LeaveOut,
            Self::FieldMissing { .. } => Remedy::PutBack,
            Self::UnknownModel { .. } => Remedy::FallBack,
            Self::QuotaExhausted { .. } | Self::Blocked { .. } => Remedy::AskPerson,
            Self::Unauthorized { .. } | Self::Rejected { .. } => Remedy::GiveUp,
        }
    }

    /// True if the same request may succeed after a while.
    pub fn is_retryable(&self) -> bool {
        self.remedy() == Remedy::Wait
    }

    /// True for a silence that lasted too long, which is counted apart from other failures.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// The wait that the provider asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            Self::Network { .. }
            | Self::TimedOut { .. }
            | Self::Unauthorized { .. }
            | Self::QuotaExhausted { .. }
            | Self::Blocked { .. }
            | Self::ContextTooLong { .. }
            | Self::AnswerLimit { .. }
            | Self::FieldRefused { .. }
            | Self::FieldMissing { .. }
            | Self::UnknownModel { .. }
            | Self::Rejected { .. }
            | Self::Botched { .. }
            | Self::Protocol { .. }
            | Self::Repeats { .. }
            | Self::Truncated { .. } => None,
        }
    }

    /// The words from outside, where there are any.
    pub(in crate::llm) fn reason_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::RateLimited { reason, .. }
            | Self::Unavailable { reason, .. }
            | Self::Network { reason, .. }
            | Self::Blocked { reason, .. }
            | Self::AnswerLimit { reason, .. }
            | Self::FieldRefused { reason, .. }
            | Self::FieldMissing { reason, .. }
            | Self::Rejected { reason, .. }
            | Self::Botched { reason, .. }
            | Self::Protocol { reason, .. }
            | Self::Repeats { part: reason, .. } => Some(reason),
            Self::TimedOut { .. }
            | Self::Unauthorized { .. }
            | Self::QuotaExhausted { .. }
            | Self::ContextTooLong { .. }
            | Self::UnknownModel { .. }
            | Self::Truncated { .. } => None,
        }
    }

    /// The value of `error_type` in metrics: one of [`crate::platform::metrics::PROVIDER_ERRORS`].
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } | Self::QuotaExhausted { .. } => "rate_limit",
            Self::Unavailable { .. }
            | Self::Blocked { .. }
            | Self::ContextTooLong { .. }
            | Self::AnswerLimit { .. }
            | Self::FieldRefused { .. }
            | Self::FieldMissing { .. }
            | Self::UnknownModel { .. }
            | Self::Rejected { .. } => "http",
            Self::Network { .. } => "network",
            Self::TimedOut { .. } => "timeout",
            Self::Unauthorized { .. } => "auth",
            Self::Botched { .. }
            | Self::Protocol { .. }
            | Self::Repeats { .. }
            | Self::Truncated { .. } => "protocol",
        }
    }

    /// The code clients see in an `error` event.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "MODEL_RATE_LIMITED",
            Self::Unavailable { .. } => "MODEL_UNAVAILABLE",
            Self::Network { .. } => "MODEL_UNREACHABLE",
            Self::TimedOut { .. } => "MODEL_TIMED_OUT",
            Self::Unauthorized { .. } => "MODEL_KEY_REFUSED",
            Self::QuotaExhausted { .. } => "MODEL_QUOTA_EXHAUSTED",
            Self::ContextTooLong { .. } => "MODEL_CONTEXT_TOO_LONG",
            Self::UnknownModel { .. } => "MODEL_UNKNOWN",
            Self::Blocked { .. } => "MODEL_BLOCKED",
            Self::AnswerLimit { .. }
            | Self::FieldRefused { .. }
            | Self::FieldMissing { .. }
            | Self::Rejected { .. } => "MODEL_REQUEST_REJECTED",
            Self::Botched { .. } => "MODEL_ANSWER_MALFORMED",
            Self::Protocol { .. } => "MODEL_PROTOCOL_ERROR",
            Self::Repeats { .. } => "MODEL_ANSWER_REPEATS",
            Self::Truncated { .. } => "MODEL_ANSWER_TRUNCATED",
        }
    }
}
