//! Errors of reading rates.

use crate::telemetry::rates::model::TimeRangeError;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The time range is not valid.
    #[error(transparent)]
    TimeRange(#[from] TimeRangeError),
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
