//! The end of an entry whose answer is a stream: it comes with the stream's.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::stream::{Stream, StreamExt};

use crate::audit::model::{Ending, Outcome};
use crate::audit::service::Open;

/// A streamed body that completes an entry when it ends: as its status says after the last byte, as a
/// failure when it breaks off, and as abandoned when its reader leaves before.
pub struct RecordedBody {
    body: BodyDataStream,
    entry: Option<(Open, Ending)>,
}

impl RecordedBody {
    /// The body of an answer, under the entry of its request.
    pub fn new(body: Body, open: Open, ending: Ending) -> Self {
        Self {
            body: body.into_data_stream(),
            entry: Some((open, ending)),
        }
    }

    /// Completes the entry, once. Nothing waits for the record: the answer is over.
    fn complete(&mut self, outcome: Option<Outcome>) {
        if let Some((open, ending)) = self.entry.take() {
            open.complete_later(&Ending {
                outcome: outcome.unwrap_or(ending.outcome),
                ..ending
            });
        }
    }
}

impl Stream for RecordedBody {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let part = ready!(self.body.poll_next_unpin(cx));
        match &part {
            Some(Ok(_)) => {}
            Some(Err(_)) => self.complete(Some(Outcome::Failure)),
            None => self.complete(None),
        }
        Poll::Ready(part)
    }
}

impl Drop for RecordedBody {
    fn drop(&mut self) {
        self.complete(Some(Outcome::Abandoned));
    }
}
