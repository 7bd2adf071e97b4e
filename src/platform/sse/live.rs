//! Answers that are streamed while they are made and are kept nowhere: numbered frames, heartbeats while
//! nothing comes, and `[DONE]` at the end.

use std::convert::Infallible;

use async_stream::stream;
use axum::response::{Response, sse};
use futures_util::{Stream, StreamExt};
use serde_json::Value;

use crate::platform::clock::Clock;
use crate::platform::metrics::Metrics;
use crate::platform::sse::frames::{HEARTBEAT, OpenStream, done, heartbeat, opening, respond};

/// The id of the frame that ends an answer whose other frames have none.
pub const END: &str = "end";

/// Sends events as they come, each as the frames that `framing` makes of it, numbered from 1. The client
/// leaving drops the events, and with them the call to the model that makes them.
pub fn send<E>(
    metrics: &Metrics,
    clock: Clock,
    events: impl Stream<Item = E> + Send + 'static,
    framing: fn(E) -> Vec<Value>,
) -> Response
where
    E: Send + 'static,
{
    let id = |number: u64, _: &Value| Some(number.to_string());
    respond(frames(metrics, clock, events, framing, id))
}

/// Sends events in the same way, but gives only the frame that `is_end` an id, [`END`]. A browser whose
/// connection broke before the end so asks again as if for the first time.
pub fn send_to_end<E>(
    metrics: &Metrics,
    clock: Clock,
    events: impl Stream<Item = E> + Send + 'static,
    framing: fn(E) -> Vec<Value>,
    is_end: fn(&Value) -> bool,
) -> Response
where
    E: Send + 'static,
{
    let id = move |_: u64, data: &Value| is_end(data).then(|| END.to_owned());
    respond(frames(metrics, clock, events, framing, id))
}

fn frames<E>(
    metrics: &Metrics,
    clock: Clock,
    events: impl Stream<Item = E> + Send + 'static,
    framing: fn(E) -> Vec<Value>,
    id: impl Fn(u64, &Value) -> Option<String> + Send + 'static,
) -> impl Stream<Item = Result<sse::Event, Infallible>> + Send + 'static
where
    E: Send + 'static,
{
    let metrics = metrics.clone();
    stream! {
        let open = OpenStream::new(&metrics);
        yield Ok(opening());
        let mut sequence = 0u64;
        let mut events = std::pin::pin!(events);
        loop {
            match tokio::time::timeout(HEARTBEAT, events.next()).await {
                Err(_) => yield Ok(heartbeat(clock.millis())),
                Ok(None) => break,
                Ok(Some(event)) => {
                    for data in framing(event) {
                        sequence += 1;
                        let frame = match id(sequence, &data) {
                            Some(id) => sse::Event::default().id(id),
                            None => sse::Event::default(),
                        };
                        yield Ok(frame.data(data.to_string()));
                    }
                }
            }
        }
        drop(open);
        yield Ok(done());
    }
}
