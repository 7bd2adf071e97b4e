//! The arrivals of a server, by which it ends: while requests still arrive, it goes on answering them, and
//! asks their clients to let go of their connections.
//!
//! A server that closes its sockets at once loses what is on its way: connections that wait to be
//! accepted are reset, and so are those whose next request the server has not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, Response, header};

use crate::platform::clock::millis;

/// The silence after which no more requests are expected. Longer than the way of a request within a
/// cluster and than the pause between two requests of a client at work.
pub const QUIET: Duration = Duration::from_millis(250);

/// Arrivals at a server; cheap to clone.
#[derive(Clone, Debug)]
pub struct Arrivals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    /// Milliseconds from the beginning to the last arrival; zero before the first.
    last: AtomicU64,
    is_leaving: AtomicBool,
}

impl Default for Arrivals {
    /// A server at which nothing has arrived.
    fn default() -> Self {
        Self(Arc::new(Inner {
            began: Instant::now(),
            last: AtomicU64::new(0),
            is_leaving: AtomicBool::new(false),
        }))
    }
}

impl Arrivals {
    /// Notes that a connection or a request arrived.
    pub fn note(&self) {
        let now = millis(self.0.began.elapsed());
        self.0.last.fetch_max(now.max(1), Ordering::Relaxed);
    }

    /// Asks clients from now on to let go of their connections.
    pub fn leave(&self) {
        self.0.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Closes the connection behind this answer when the server leaves.
    pub fn answer<B>(&self, mut response: Response<B>) -> Response<B> {
        if self.0.is_leaving.load(Ordering::Relaxed) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }

    /// Resolves when nothing has arrived for [`QUIET`], at once if that is so already.
    pub async fn quiet(&self) {
        while let Some(left) = self.until_quiet() {
            tokio::time::sleep(left).await;
        }
    }

    fn until_quiet(&self) -> Option<Duration> {
        let last = match self.0.last.load(Ordering::Relaxed) {
            0 => return None,
            last => Duration::from_millis(last),
        };
        let silent = self.0.began.elapsed().saturating_sub(last);
        QUIET.checked_sub(silent).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_without_traffic_is_quiet_at_once() {
        let arrivals = Arrivals::default();
        assert_eq!(arrivals.until_quiet(), None);
        arrivals.quiet().await;
    }

    #[tokio::test]
    async fn an_arrival_is_waited_for_a_while() {
        let arrivals = Arrivals::default();
        arrivals.note();
        let left = arrivals.until_quiet().unwrap();
        assert!(left <= QUIET, "{left:?}");
        arrivals.quiet().await;
        assert_eq!(arrivals.until_quiet(), None);
    }

    #[test]
    fn only_a_server_that_leaves_closes_connections() {
        let arrivals = Arrivals::default();
        let told = |arrivals: &Arrivals| {
            let answer = arrivals.answer(Response::new(()));
            answer.headers().get(header::CONNECTION).cloned()
        };
        assert_eq!(told(&arrivals), None);
        arrivals.leave();
        assert_eq!(told(&arrivals).unwrap(), "close");
    }
}
