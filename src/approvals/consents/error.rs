//! Why an operation on a consent failed.

use crate::approvals::consents::model::ConsentId;
use crate::approvals::consents::preferences::model::PreferenceId;
use crate::audit;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or not for this user, or its time is over: the three cannot be told apart
    /// from outside.
    #[error("there is no consent `{0}` of yours that waits for an answer")]
    NotFound(ConsentId),
    /// It was answered otherwise.
    #[error("the consent `{0}` was already answered")]
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
        /// How long it is, in bytes.
        length: usize,
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// There is no such preference for this user.
    #[error("there is no preference `{0}` of yours")]
    PreferenceNotFound(PreferenceId),
    /// The decision could not be audited, so it does not count.
    #[error(transparent)]
    Audit(#[from] audit::error::Error),
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
