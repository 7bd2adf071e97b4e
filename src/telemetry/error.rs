//! Why telemetry was not taken.

use crate::platform::body::BodyError;
use crate::telemetry::model::{MAX_BATCH_ID_BYTES, MAX_BODY_BYTES, MAX_EVENTS, Rejected};

/// A batch of which nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is larger than a batch may be, once it is unpacked.
    #[error("the body is larger than {MAX_BODY_BYTES} bytes; send fewer events at a time")]
    BodyTooLarge,
    /// There are too many events.
    #[error("the batch has {0} events, and {MAX_EVENTS} are taken at a time")]
    TooManyEvents(usize),
    /// The body is declared as something else.
    #[error("send the batch as JSON, declared as `application/json` or `text/plain`")]
    MediaType,
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The body is no JSON.
    #[error("the body is no JSON: {0}")]
    Syntax(String),
    /// The body is no batch.
    #[error("{0}")]
    Shape(String),
    /// The batch has no name that could be remembered.
    #[error("`batchId` is 1 to {MAX_BATCH_ID_BYTES} bytes without control characters")]
    BatchId,
    /// No event could be stored.
    #[error("none of the {received} events can be stored; event {}: {}", .first.index, .first.detail)]
    NoneStored {
        /// How many there were.
        received: usize,
        /// Why not, for the first.
        first: Rejected,
    },
    /// There is more to do than can be done.
    #[error("more telemetry comes than can be stored; nothing of this batch was, send it again")]
    Overloaded,
    /// One person sends too much.
    #[error("you send more than {limit} events in a minute; send this batch again in {seconds} s")]
    TooManyOfYours {
        /// The limit.
        limit: u32,
        /// Until the batch may be sent.
        seconds: u64,
    },
    /// The database is away, and nobody knows whether the batch was stored.
    #[error("the database does not answer; send the batch again, it will be stored once")]
    Unavailable,
}
