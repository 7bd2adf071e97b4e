//! Why an operation on insights failed.

use crate::feedback::insights::model::{MAX_DESCRIPTION_CHARS, MAX_REASON_CHARS, MAX_TITLE_CHARS};
use crate::feedback::model::InsightId;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none for this person.
    #[error("there is no insight `{}` that you may see", .0.0)]
    NotFound(InsightId),
    /// The reason is too long, or more than a line.
    #[error("`reason` is one line of at most {MAX_REASON_CHARS} characters")]
    BadReason,
    /// The title cannot stand there.
    #[error("`title` is one line of 1 to {MAX_TITLE_CHARS} characters")]
    BadTitle,
    /// The description cannot stand in a prompt.
    #[error("`description` is one line of 1 to {MAX_DESCRIPTION_CHARS} characters")]
    BadDescription,
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
