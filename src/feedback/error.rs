//! Why an operation on ratings failed.

/// The longest reason, in characters.
pub const MAX_REASON_CHARS: usize = 64;
/// The longest comment, in characters.
pub const MAX_COMMENT_CHARS: usize = 1_000;
/// The longest time that statistics are made of, in days.
pub const MAX_DAYS: i64 = 365;
/// The most ratings on a page.
pub const MAX_RECENT: i64 = 200;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none, or it is somebody else's: nobody learns which.
    #[error("no answer of yours has this `gen_id`")]
    NotFound,
    /// The rating is none of the three.
    #[error("`rating` is -1, 0 or 1")]
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
    /// A page of nothing, or of too much.
    #[error("Limit must be between 1 and {MAX_RECENT}")]
    BadLimit,
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
