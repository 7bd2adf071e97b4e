//! Why an operation on a conversation failed.

use crate::platform::idempotency;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or not for this user: the two cannot be told apart from outside.
    #[error("conversation `{0}` not found")]
    NotFound(String),
    /// A value is too large to be kept.
    #[error("`{field}` is larger than {limit} bytes")]
    TooLarge {
        /// Which value.
        field: &'static str,
        /// The most it may have, in bytes.
        limit: usize,
    },
    /// The notes about a message are no JSON object.
    #[error("`{0}` must be a JSON object")]
    NotAnObject(&'static str),
    /// The request was sent before, or is being worked on.
    #[error(transparent)]
    Idempotency(#[from] idempotency::error::Error),
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
