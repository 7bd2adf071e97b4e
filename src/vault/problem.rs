//! Answers to clients when the vault cannot be used.

use axum::http::StatusCode;

use crate::platform::problem::Problem;
use crate::vault::error::Error;

/// Seconds after which a vault that is out of reach may be tried again.
const RETRY_AFTER: u64 = 5;

/// Texts that name keys and settings are for the operator: they go to the log.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if error.is_passing() {
            tracing::warn!(%error, "the vault cannot be used for now");
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "vault-unavailable",
                "the key service does not answer; nothing was changed",
            )
            .retry_after(RETRY_AFTER);
        }
        tracing::error!(%error, "the vault cannot be used");
        if error == Error::NotConfigured {
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "vault-not-configured",
                "the operator has configured no key for sealing tokens; nothing was changed",
            );
        }
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "vault-unusable",
            "the operator's key cannot be used; nothing was changed, and the server's log says why",
        )
    }
}
