//! Errors of ingesting telemetry.

use crate::platform::body::BodyError;
use crate::telemetry::model::{MAX_BATCH_ID_BYTES, MAX_BODY_BYTES, MAX_EVENTS, RejectedEvent};

/// A rejected batch, of which nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The decompressed body is too large.
    #[error("the body is larger than {MAX_BODY_BYTES} bytes; send fewer events at a time")]
    BodyTooLarge,
    /// There are too many events.
    #[error("the batch has {0} events; the limit is {MAX_EVENTS}")]
    TooManyEvents(usize),
    /// The body is not declared as JSON.
    #[error("send the batch as JSON, declared as `application/json` or `text/plain`")]
    MediaType,
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The body is not valid JSON.
    #[error("{0}")]
    Syntax(String),
    /// The body is not a batch.
    #[error("{0}")]
    Shape(String),
    /// The batch id cannot be stored.
    #[error("`batchId` must be 1 to {MAX_BATCH_ID_BYTES} bytes without control characters")]
    BatchId,
    /// No event could be stored.
    #[error("none of the {received} events can be stored; event {}: {}", .first.index, .first.detail)]
    NoneStored {
        /// Number of events received.
        received: usize,
        /// Rejection of the first event.
        first: RejectedEvent,
    },
    /// The memory for batches is used up.
    #[error("the server is overloaded and stored nothing of this batch; send it again")]
    Overloaded,
    /// The user exceeded the rate limit.
    #[error(
        "you are over the limit of {limit} events per minute; send this batch again in {seconds} s"
    )]
    RateLimited {
        /// Events per minute.
        limit: u32,
        /// Seconds until the batch may be sent.
        seconds: u64,
    },
    /// The database is unavailable; the batch may or may not have been stored.
    #[error("the database is unavailable; send the batch again, it is stored only once")]
    Unavailable,
}
