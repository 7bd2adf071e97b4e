//! Errors of operations on error groups.

use crate::telemetry::errors::model::{MAX_NOTES_CHARS, MAX_SEARCH_CHARS};

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The organisation has no such group.
    #[error("error group `{0}` not found")]
    NotFound(String),
    /// A cursor of a list in another order.
    #[error(
        "`cursor` belongs to another sort order; use the `next_cursor` of a page in this \
         order"
    )]
    OtherOrder,
    /// The text to search for is too long.
    #[error("`q` is longer than {MAX_SEARCH_CHARS} characters")]
    SearchTooLong,
    /// The notes are too long.
    #[error("`notes` are longer than {MAX_NOTES_CHARS} characters")]
    NotesTooLong,
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
