//! The common parts of all event streams: the headers, the first and the last frame, the heartbeat.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use serde_json::json;

use crate::platform::metrics::Metrics;

/// A heartbeat is sent when nothing else was for this long; the contract allows ten seconds.
pub const HEARTBEAT: Duration = Duration::from_secs(8);
/// The pause before clients connect again.
const RETRY: Duration = Duration::from_secs(3);

/// Wraps frames as the clients expect them: kept by no cache, held back and repacked by no proxy. What
/// packs an answer collects it first, as what caches it does.
pub fn respond(frames: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let mut response = Sse::new(frames).into_response();
    let headers = response.headers_mut();
    let untouched = HeaderValue::from_static("no-cache, no-store, no-transform");
    headers.insert(header::CACHE_CONTROL, untouched);
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

/// The beginning of every stream: no event, but it opens the way through proxies, and says when to
/// come back.
pub fn opening() -> Event {
    Event::default().retry(RETRY).comment("navi")
}

/// A frame that says only that the connection lives. It has no id: it is not part of the log.
pub fn heartbeat(timestamp: i64) -> Event {
    let data = json!({
        "type": "heartbeat", "heartbeat": true, "timestamp": timestamp,
        "message": "Connection alive",
    });
    Event::default().data(data.to_string())
}

/// The last frame of every stream.
pub fn done() -> Event {
    Event::default().data("[DONE]")
}

/// Counts an open stream for as long as it lives.
pub struct OpenStream(Metrics);

impl OpenStream {
    /// Counts it from now on.
    pub fn new(metrics: &Metrics) -> Self {
        metrics.navi_streams_open.inc();
        Self(metrics.clone())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.navi_streams_open.dec();
    }
}
