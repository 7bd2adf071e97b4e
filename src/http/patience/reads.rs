//! Requests that only read: they have a part of the database's connections, and each principal a part
//! of that.
//!
//! Reading is counted by no rate limit, so that a page may show what it likes. One who reads much waits
//! for their own requests: only some of them run at once, in the order in which they came.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::audit::recording::layer::counts;
use crate::auth::principal::Principal;
use crate::platform::database::share::ConnectionUse;
use crate::platform::sync::lock;

/// An organisation and a person of it.
type Reader = (String, String);

/// Those who read, and what runs for them; cheap to clone.
#[derive(Clone, Debug)]
pub struct ReadLimits {
    /// The most requests of one principal at once.
    each: usize,
    /// Of principals for whom something runs or waits.
    readers: Arc<Mutex<HashMap<Reader, Arc<Semaphore>>>>,
}

/// The place of a request among those of its principal.
struct ReaderPlace {
    reader: Reader,
    reads: ReadLimits,
    turn: Option<OwnedSemaphorePermit>,
}

impl ReadLimits {
    /// Reading over so many connections: half of them are for reading, and one principal has half of those.
    pub fn over(connections: u32) -> Self {
        let each = usize::try_from(connections / 4).unwrap_or(usize::MAX);
        Self {
            each: each.max(1),
            readers: Arc::default(),
        }
    }

    fn turns(&self, reader: &Reader) -> Arc<Semaphore> {
        let mut readers = lock(&self.readers);
        readers
            .entry(reader.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(self.each)))
            .clone()
    }

    /// A place, as soon as there is one.
    async fn place(&self, principal: &Principal) -> ReaderPlace {
        let reader = (
            principal.org_id.as_str().to_owned(),
            principal.user_id.as_str().to_owned(),
        );
        let turns = self.turns(&reader);
        let mut place = ReaderPlace {
            reader,
            reads: self.clone(),
            turn: None,
        };
        // It is never closed.
        place.turn = turns.acquire_owned().await.ok();
        place
    }
}

impl Drop for ReaderPlace {
    fn drop(&mut self) {
        self.turn = None;
        let mut readers = lock(&self.reads.readers);
        let turns = readers.get(&self.reader);
        if turns.is_some_and(|turns| Arc::strong_count(turns) == 1) {
            readers.remove(&self.reader);
        }
    }
}

/// Runs a request that only reads as one. A stream has its place only until it begins, and goes on as
/// reading.
pub async fn read<F: Future<Output = Response>>(
    reads: &ReadLimits,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let principal = request.extensions().get::<Principal>();
    let principal = principal.filter(|_| !counts(&request)).cloned();
    let Some(principal) = principal else {
        return next(request).await;
    };
    let _place = reads.place(&principal).await;
    let response = ConnectionUse::Reading.run(next(request)).await;
    response.map(|body| {
        let is_stream = body.size_hint().exact().is_none();
        if is_stream {
            Body::new(ReadingBody(body))
        } else {
            body
        }
    })
}

/// A body that is made while it is sent.
struct ReadingBody(Body);

impl HttpBody for ReadingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        ConnectionUse::Reading.poll(|| Pin::new(&mut self.0).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::auth::principal::{Proof, Role};

    fn principal(user: &str) -> Principal {
        Principal {
            org_id: "acme".parse().unwrap(),
            user_id: user.parse().unwrap(),
            team_id: None,
            role: Role::Viewer,
            proof: Proof::Token,
        }
    }

    #[tokio::test]
    async fn a_principal_who_reads_much_waits_and_others_do_not() {
        let reads = ReadLimits::over(8);
        let ada = principal("ada");
        let (first, second) = (reads.place(&ada).await, reads.place(&ada).await);
        let mut third = Box::pin(reads.place(&ada));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(third.as_mut().poll(&mut cx).is_pending());
        let other = reads.place(&principal("bob")).await;
        drop(first);
        assert!(third.as_mut().poll(&mut cx).is_ready());
        drop((second, third, other));
        assert!(lock(&reads.readers).is_empty());
    }

    #[tokio::test]
    async fn a_request_that_goes_away_while_it_waits_leaves_nothing() {
        let reads = ReadLimits::over(2);
        let ada = principal("ada");
        let first = reads.place(&ada).await;
        let mut second = Box::pin(reads.place(&ada));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut cx).is_pending());
        drop(first);
        drop(second);
        assert!(lock(&reads.readers).is_empty());
    }
}
