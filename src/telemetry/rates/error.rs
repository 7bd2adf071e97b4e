//! Why rates cannot be told.

use crate::telemetry::rates::model::SpanError;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// They are asked for a span that cannot be told.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
