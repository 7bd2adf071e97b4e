//! Why a request with a key is not worked on.

use crate::platform::idempotency::model::MAX_KEY_CHARS;

/// A key that cannot be claimed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client's key is not valid.
    #[error("an Idempotency-Key is 1 to {MAX_KEY_CHARS} visible ASCII characters, sent once")]
    Invalid,
    /// The key belongs to another request.
    #[error(
        "this Idempotency-Key was used for another request; send this one with a key of its own"
    )]
    Reused,
    /// A request with this key is being worked on.
    #[error("a request with this Idempotency-Key is being worked on; send it again in a moment")]
    InFlight,
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
