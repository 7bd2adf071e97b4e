//! A run's log as server-sent events: from any point, then live.
//!
//! The log is the truth and the process's own channel is a shortcut: an event is sent from the
//! channel only when it is the next one, and whatever is missing is read from the log. So no event
//! is sent twice and none is left out, however slow the client or the channel is.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{self, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::DropGuard;

use crate::agent::event::{Event, Phase};
use crate::agent::event_log::Recorded;
use crate::agent::service::{AgentService, READ_BATCH, Started};

/// A heartbeat is sent when nothing else was for this long; the contract allows ten seconds.
pub const HEARTBEAT: Duration = Duration::from_secs(8);
/// How often the log is read when the run is in another process, or nothing wakes us.
const POLL: Duration = Duration::from_millis(500);
/// What clients are told to wait before they connect again, in milliseconds.
const RETRY_MS: u64 = 3_000;

/// The stream of an interactive run. Its client leaving ends the run: closing the connection is
/// how the clients' stop button works.
pub fn interactive(service: AgentService, started: Started) -> Response {
    let guard = started.cancel.clone().drop_guard();
    let watched = service.services().live.watch(started.run_id);
    respond(frames(service, started, watched, guard))
}

/// Wraps frames as the clients expect them: no caching, no buffering by proxies.
pub fn respond(
    frames: impl Stream<Item = Result<sse::Event, Infallible>> + Send + 'static,
) -> Response {
    let mut response = Sse::new(frames).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

fn frames(
    service: AgentService,
    started: Started,
    mut watched: Option<broadcast::Receiver<Arc<Recorded>>>,
    guard: DropGuard,
) -> impl Stream<Item = Result<sse::Event, Infallible>> + Send + 'static {
    stream! {
        let open = OpenStream::new(&service);
        let mut cursor = 0;
        let mut last_sent = Instant::now();
        let mut waiting = Vec::new();
        yield Ok(sse::Event::default().retry(Duration::from_millis(RETRY_MS)).comment("navi"));
        'log: loop {
            if waiting.is_empty() {
                waiting = missing(&service, &started, cursor).await;
            }
            let more = waiting.len() >= READ_BATCH;
            for recorded in std::mem::take(&mut waiting) {
                cursor = recorded.sequence;
                last_sent = Instant::now();
                let ends = is_last(&recorded.event);
                yield Ok(frame(&recorded));
                if ends {
                    break 'log;
                }
            }
            if more {
                continue;
            }
            match next(&mut watched, cursor, last_sent + HEARTBEAT).await {
                Next::Event(recorded) => waiting.push(Recorded::clone(&recorded)),
                Next::ReadLog => {}
                Next::Heartbeat => {
                    last_sent = Instant::now();
                    yield Ok(heartbeat(service.services().clock.millis()));
                }
            }
        }
        // The run is over; what is left of the stream cannot cancel it any more.
        guard.disarm();
        drop(open);
        yield Ok(done());
    }
}

/// What a stream waits for.
enum Next {
    /// The very next event.
    Event(Arc<Recorded>),
    /// Something may be missing: read the log.
    ReadLog,
    /// Nothing, for so long that the client has to hear from us.
    Heartbeat,
}

async fn next(
    watched: &mut Option<broadcast::Receiver<Arc<Recorded>>>,
    cursor: i64,
    heartbeat: Instant,
) -> Next {
    let Some(receiver) = watched else {
        let poll = (Instant::now() + POLL).min(heartbeat);
        sleep_until(poll).await;
        return if poll == heartbeat {
            Next::Heartbeat
        } else {
            Next::ReadLog
        };
    };
    loop {
        tokio::select! {
            event = receiver.recv() => match event {
                Ok(recorded) if recorded.sequence == cursor + 1 => return Next::Event(recorded),
                // Read from the log already, between subscribing and now.
                Ok(recorded) if recorded.sequence <= cursor => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return Next::ReadLog,
                Err(broadcast::error::RecvError::Closed) => {
                    *watched = None;
                    return Next::ReadLog;
                }
            },
            () = sleep_until(heartbeat) => return Next::Heartbeat,
        }
    }
}

/// The events after the cursor. A database that is away for a moment is waited for: the client has
/// its heartbeats meanwhile.
async fn missing(service: &AgentService, started: &Started, cursor: i64) -> Vec<Recorded> {
    match service
        .events_after(&started.org_id, started.run_id, cursor)
        .await
    {
        Ok(recorded) => recorded,
        Err(error) => {
            tracing::warn!(run.id = %started.run_id, %error, "a stream waits for the database");
            Vec::new()
        }
    }
}

/// The terminal events: the run is over, or its process ends before it.
fn is_last(event: &Event) -> bool {
    matches!(
        event,
        Event::Complete { .. }
            | Event::Status {
                status: Phase::Interrupted,
                ..
            }
    )
}

fn frame(recorded: &Recorded) -> sse::Event {
    let data = if let Event::RouterInfo { router_info } = &recorded.event {
        // The oldest clients know this frame by its one key and not by a type.
        json!({ "router_info": router_info })
    } else {
        serde_json::to_value(&recorded.event).unwrap_or(Value::Null)
    };
    sse::Event::default()
        .id(recorded.sequence.to_string())
        .data(data.to_string())
}

/// A frame that says only that the connection lives. It has no id: it is not part of the log.
pub fn heartbeat(timestamp: i64) -> sse::Event {
    let data = json!({
        "type": "heartbeat", "heartbeat": true, "timestamp": timestamp,
        "message": "Connection alive",
    });
    sse::Event::default().data(data.to_string())
}

/// The last frame of every stream.
pub fn done() -> sse::Event {
    sse::Event::default().data("[DONE]")
}

/// Counts an open stream for as long as it lives.
pub struct OpenStream(crate::platform::metrics::Metrics);

impl OpenStream {
    /// Counts it from now on.
    pub fn new(service: &AgentService) -> Self {
        let metrics = service.services().metrics.clone();
        metrics.navi_streams_open.inc();
        Self(metrics)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.navi_streams_open.dec();
    }
}
