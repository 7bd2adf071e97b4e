//! Why a model call failed, sorted by what the caller should do about it.

use std::time::Duration;

/// A failed call. `provider` is always the configured name, never text from outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// Wait as long as the provider says, then try again.
    #[error("`{provider}` limits the rate of requests")]
    RateLimited {
        /// Whose limit.
        provider: &'static str,
        /// What `Retry-After` said.
        retry_after: Option<Duration>,
    },
    /// Try again: the provider is overloaded or failed (500, 502, 503, 504, 529).
    #[error("`{provider}` is unavailable (status {status})")]
    Unavailable {
        /// Who.
        provider: &'static str,
        /// The HTTP status, or the one its error event stands for.
        status: u16,
        /// What `Retry-After` said.
        retry_after: Option<Duration>,
    },
    /// Try again: the connection could not be made or broke.
    #[error("the connection to `{provider}` failed: {reason}")]
    Network {
        /// Who.
        provider: &'static str,
        /// What the transport said, without addresses or keys.
        reason: String,
    },
    /// Try again: nothing arrived within the limit.
    #[error("`{provider}` sent nothing for {} s", waited.as_secs())]
    TimedOut {
        /// Who.
        provider: &'static str,
        /// How long we waited.
        waited: Duration,
    },
    /// Mend the key.
    #[error("`{provider}` refused the API key (status {status}); check the provider's key setting")]
    Unauthorized {
        /// Who.
        provider: &'static str,
        /// 401 or 403.
        status: u16,
    },
    /// Pay, or use another provider: retrying does not help.
    #[error("`{provider}` reports that the account's quota or credit is used up")]
    QuotaExhausted {
        /// Who.
        provider: &'static str,
    },
    /// Shorten the conversation.
    #[error("the conversation is longer than the model's context window")]
    ContextTooLong {
        /// Who.
        provider: &'static str,
    },
    /// Choose another model.
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
    /// The provider sent something its protocol does not allow.
    #[error("`{provider}` broke its protocol: {reason}")]
    Protocol {
        /// Who.
        provider: &'static str,
        /// What was wrong.
        reason: String,
    },
    /// The stream ended without its last event.
    #[error("the answer of `{provider}` was cut off before its end")]
    Truncated {
        /// Who.
        provider: &'static str,
    },
}

impl LlmError {
    /// Whether trying the same request again can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Network { .. }
            | Self::TimedOut { .. }
            | Self::Truncated { .. } => true,
            Self::Unauthorized { .. }
            | Self::QuotaExhausted { .. }
            | Self::ContextTooLong { .. }
            | Self::UnknownModel { .. }
            | Self::Rejected { .. }
            | Self::Protocol { .. } => false,
        }
    }

    /// Whether it is a silence that lasted too long, which is counted apart from other failures.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// How long the provider asked us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            Self::Network { .. }
            | Self::TimedOut { .. }
            | Self::Unauthorized { .. }
            | Self::QuotaExhausted { .. }
            | Self::ContextTooLong { .. }
            | Self::UnknownModel { .. }
            | Self::Rejected { .. }
            | Self::Protocol { .. }
            | Self::Truncated { .. } => None,
        }
    }

    /// The value of `error_type` in metrics: one of [`crate::platform::metrics::PROVIDER_ERRORS`].
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } | Self::QuotaExhausted { .. } => "rate_limit",
            Self::Unavailable { .. }
            | Self::ContextTooLong { .. }
            | Self::UnknownModel { .. }
            | Self::Rejected { .. } => "http",
            Self::Network { .. } => "network",
            Self::TimedOut { .. } => "timeout",
            Self::Unauthorized { .. } => "auth",
            Self::Protocol { .. } | Self::Truncated { .. } => "protocol",
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
            Self::Rejected { .. } => "MODEL_REQUEST_REJECTED",
            Self::Protocol { .. } => "MODEL_PROTOCOL_ERROR",
            Self::Truncated { .. } => "MODEL_ANSWER_TRUNCATED",
        }
    }
}
