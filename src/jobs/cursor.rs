//! Cursors of lists: the place of a page's last row, in a form that clients hand back.

use chrono::{DateTime, Utc};

use crate::cursor_value;
use crate::platform::ids::RunId;
use crate::platform::page;

cursor_value!(RunId(uuid::Uuid));

/// The place of a job: its creation time and its run.
pub type JobCursor = page::PageCursor<DateTime<Utc>, RunId>;

/// The place before the newest job, where the first page begins.
pub const BEGINNING: JobCursor = JobCursor {
    at: page::LAST_TIME,
    id: RunId(uuid::Uuid::max()),
};
