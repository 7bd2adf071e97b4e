//! Cursors of lists of ratings.
//!
//! Ratings are listed by when they were first given, which never changes, so a page shows nothing twice
//! and leaves nothing out.

use chrono::{DateTime, Utc};

use crate::platform::page;

/// The place of a rating: when it was first given, and its number.
pub type RatingCursor = page::PageCursor<DateTime<Utc>, i64>;

/// The place before the newest rating, where the first page begins.
pub const BEGINNING: RatingCursor = RatingCursor {
    at: page::LAST_TIME,
    id: i64::MAX,
};
