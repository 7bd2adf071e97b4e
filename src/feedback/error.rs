//! Errors of operations on ratings.

/// The longest reason, in characters.
pub const MAX_REASON_CHARS: usize = 64;
/// The longest comment, in characters.
pub const MAX_COMMENT_CHARS: usize = 1_000;
/// The longest period of statistics, in days.
pub const MAX_DAYS: i64 = 365;
/// The most ratings on a page.
pub const MAX_RECENT: i64 = 200;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The generation does not exist, or belongs to another user. The client cannot tell which.
    #[error("generation not found")]
    NotFound,
    /// The rating is out of range.
    #[error("`rating` must be -1, 0 or 1")]
    BadRating,
    /// The reason is too long.
    #[error("`reason` is longer than {MAX_REASON_CHARS} characters")]
    ReasonTooLong,
    /// The comment is too long.
    #[error("`comment` is longer than {MAX_COMMENT_CHARS} characters")]
    CommentTooLong,
    /// Statistics of no time, or of too long a time.
    #[error("Days must be between 1 and {MAX_DAYS}")]
    BadDays,
    /// The page size is out of range.
    #[error("Limit must be between 1 and {MAX_RECENT}")]
    BadLimit,
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
