//! Limits the time that the server waits for a request's body.
//!
//! Only the time in which the server waits for its client counts: the body of a slow client is not the
//! fault of the handler, nor a slow handler the fault of the client.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::platform::body::BodyError;
use crate::platform::sync::lock;

/// The slowest pace of a body.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The longest silence of a client, and the time that it has for the beginning of a body.
    pub silence: Duration,
    /// The slowest pace at which a longer body may come.
    pub bytes_per_second: u64,
}

impl Pace {
    /// The pace of this server. A client on the worst of lines is faster than a KiB a second, and one
    /// that only means to occupy the server must at least keep sending.
    pub const ALLOWED: Self = Self {
        silence: Duration::from_secs(10),
        bytes_per_second: 1024,
    };

    /// Returns how much longer the server waits, when it has received so many bytes and has waited
    /// for so long already.
    fn left(self, received: u64, waited: Duration) -> Duration {
        let earned = Duration::from_secs(received / self.bytes_per_second);
        (self.silence + earned)
            .saturating_sub(waited)
            .min(self.silence)
    }
}

/// The time that the server has waited for one body; shared by the body and by the code that waits for
/// the answer.
#[derive(Clone, Debug)]
pub struct Waiting {
    pace: Pace,
    waited: Arc<Mutex<Waited>>,
}

#[derive(Debug, Default)]
struct Waited {
    before: Duration,
    since: Option<Instant>,
    is_over: bool,
}

impl Waiting {
    /// Begins with no time spent.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            waited: Arc::default(),
        }
    }

    /// Returns a body that fails with [`BodyError::Slow`] when it comes too slowly.
    pub fn for_body(&self, body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Paced {
            body,
            waiting: self.clone(),
            received: 0,
            timer: None,
        })
    }

    /// Returns the time that was spent waiting for the client.
    pub fn total(&self) -> Duration {
        let waited = self.lock();
        waited.before + waited.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Returns whether the body was given up, because it came too slowly.
    pub fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Begins to wait, and returns for how long.
    fn begin(&self, received: u64) -> Duration {
        let mut waited = self.lock();
        waited.since = Some(Instant::now());
        self.pace.left(received, waited.before)
    }

    fn end(&self) {
        let mut waited = self.lock();
        if let Some(since) = waited.since.take() {
            waited.before += since.elapsed();
        }
    }

    fn give_up(&self) {
        self.end();
        self.lock().is_over = true;
    }

    fn lock(&self) -> MutexGuard<'_, Waited> {
        lock(&self.waited)
    }
}

/// A body that must keep coming.
struct Paced {
    body: Body,
    waiting: Waiting,
    received: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.waiting.end();
            this.timer = None;
            if let Some(Ok(frame)) = &frame {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                this.received = this.received.saturating_add(bytes as u64);
            }
            return Poll::Ready(frame);
        }
        let timer = this
            .timer
            .get_or_insert_with(|| Box::pin(sleep(this.waiting.begin(this.received))));
        ready!(timer.as_mut().poll(cx));
        this.waiting.give_up();
        Poll::Ready(Some(Err(axum::Error::new(BodyError::Slow))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.waiting.end();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use async_stream::stream;
    use futures_util::stream::{StreamExt, iter, pending};
    use http_body_util::BodyExt;
    use tokio::task::yield_now;

    use super::*;

    /// No patience at all, so that a test need not wait.
    const NONE: Pace = Pace {
        silence: Duration::from_millis(1),
        bytes_per_second: u64::MAX,
    };

    fn left(received: u64, waited: u64) -> u64 {
        let waited = Duration::from_secs(waited);
        Pace::ALLOWED.left(received, waited).as_secs()
    }

    #[test]
    fn ten_seconds_and_one_for_every_kib_and_never_more_than_ten_at_once() {
        assert_eq!((left(0, 0), left(0, 4), left(0, 10)), (10, 6, 0));
        // A drip earns hardly anything.
        assert_eq!((left(10, 9), left(1023, 10), left(1024, 10)), (1, 0, 1));
        // Earlier bytes do not pay for a long silence.
        assert_eq!(left(9 << 20, 0), 10);
        // A body that keeps its pace may take as long as it is large.
        assert_eq!((left(600 * 1024, 600), left(600 * 1024, 611)), (10, 0));
        assert_eq!(left(10 << 20, 10_245), 5);
    }

    async fn read(waiting: &Waiting, body: Body) -> Result<usize, BodyError> {
        let read = waiting.for_body(body).collect().await;
        read.map(|read| read.to_bytes().len())
            .map_err(|error| BodyError::of(&error))
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let never = || pending::<Result<Bytes, Infallible>>();
        let waiting = Waiting::new(NONE);
        let nothing = read(&waiting, Body::from_stream(never())).await;
        assert_eq!(nothing, Err(BodyError::Slow));
        assert!(waiting.is_over() && waiting.total() >= NONE.silence);
        let waiting = Waiting::new(NONE);
        let stops = iter([Ok(Bytes::from(vec![b'x'; 9 << 20]))]).chain(never());
        let stopped = read(&waiting, Body::from_stream(stops)).await;
        assert_eq!(stopped, Err(BodyError::Slow));
    }

    #[tokio::test]
    async fn a_body_that_keeps_coming_is_read_to_its_end() {
        let waiting = Waiting::new(Pace {
            silence: Duration::from_hours(1),
            ..NONE
        });
        let chunks = stream! {
            for _ in 0..100 {
                yield_now().await;
                yield Ok::<_, Infallible>(vec![b'x'; 1_000]);
            }
        };
        let came = read(&waiting, Body::from_stream(chunks)).await;
        assert_eq!(came, Ok(100_000));
        assert!(!waiting.is_over());
    }

    #[tokio::test]
    async fn the_time_in_which_the_server_does_not_read_is_not_the_clients() {
        let waiting = Waiting::new(NONE);
        let chunks = iter((0..3).map(|_| Ok::<_, Infallible>("x")));
        let mut body = waiting.for_body(Body::from_stream(chunks));
        for _ in 0..3 {
            sleep(5 * NONE.silence).await;
            assert!(body.frame().await.unwrap().is_ok());
        }
        assert!(body.frame().await.is_none());
        assert_eq!(waiting.total(), Duration::ZERO);
    }

    #[test]
    fn an_empty_body_stays_empty() {
        let body = Waiting::new(NONE).for_body(Body::empty());
        assert!(body.is_end_stream());
    }
}
