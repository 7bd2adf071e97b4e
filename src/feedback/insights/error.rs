//! Errors of operations on insights.

use crate::feedback::insights::model::{MAX_DESCRIPTION_CHARS, MAX_REASON_CHARS, MAX_TITLE_CHARS};

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The insight does not exist, or is not visible to the user.
    #[error("insight `{0}` not found")]
    NotFound(String),
    /// The reason is too long, or more than a line.
    #[error("`reason` must be one line of at most {MAX_REASON_CHARS} characters")]
    BadReason,
    /// The title is empty, too long, or more than a line.
    #[error("`title` must be one line of 1 to {MAX_TITLE_CHARS} characters")]
    BadTitle,
    /// The description is empty, too long, or more than a line.
    #[error("`description` must be one line of 1 to {MAX_DESCRIPTION_CHARS} characters")]
    BadDescription,
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
