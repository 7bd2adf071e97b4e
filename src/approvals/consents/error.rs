//! Why an operation on a consent failed.

use crate::approvals::wait::WaitError;
use crate::audit;
use crate::platform::ids::ConsentId;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or not for this user, or its time is over: the three cannot be told apart
    /// from outside.
    #[error("consent `{0}` not found or expired")]
    NotFound(String),
    /// It was answered otherwise.
    #[error("consent `{0}` was already answered")]
    AlreadyAnswered(ConsentId),
    /// Nothing was chosen, nothing that is known, or two different things.
    #[error(
        "supply `choice`: allow_once, allow_always_exact, allow_always_type, deny or alternative"
    )]
    Unanswered,
    /// `alternative` without saying which.
    #[error("supply `alternative_command` with the choice `alternative`")]
    AlternativeMissing,
    /// The alternative is too long.
    #[error("the alternative is {length} bytes; at most {limit} are accepted")]
    AlternativeTooLong {
        /// Its length, in bytes.
        length: usize,
        /// The longest that is allowed, in bytes.
        limit: usize,
    },
    /// There is no such preference for this user.
    #[error("preference `{0}` not found")]
    PreferenceNotFound(String),
    /// The decision could not be audited, so it does not count.
    #[error(transparent)]
    Audit(#[from] audit::error::Error),
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl WaitError for Error {
    fn is_database(&self) -> bool {
        match self {
            Self::Database(_) => true,
            Self::NotFound(_)
            | Self::AlreadyAnswered(_)
            | Self::Unanswered
            | Self::AlternativeMissing
            | Self::AlternativeTooLong { .. }
            | Self::PreferenceNotFound(_)
            | Self::Audit(_) => false,
        }
    }
}
