//! The frames of such an answer: numbered from 1, kept alive while nothing comes, ended by `[DONE]`.

use std::convert::Infallible;

use async_stream::stream;
use axum::response::Response;
use axum::response::sse;
use futures_util::{Stream, StreamExt};
use serde_json::Value;

use crate::agent::service::AgentService;
use crate::platform::sse::{HEARTBEAT, OpenStream, done, heartbeat, opening, respond};

/// Sends events as they come, each as the frames that `framing` makes of it. The client leaving drops
/// the events, and with them the call to the model that makes them.
pub fn send<E>(
    service: AgentService,
    events: impl Stream<Item = E> + Send + 'static,
    framing: fn(E) -> Vec<Value>,
) -> Response
where
    E: Send + 'static,
{
    respond(frames(service, events, framing))
}

fn frames<E>(
    service: AgentService,
    events: impl Stream<Item = E> + Send + 'static,
    framing: fn(E) -> Vec<Value>,
) -> impl Stream<Item = Result<sse::Event, Infallible>> + Send + 'static
where
    E: Send + 'static,
{
    stream! {
        let open = OpenStream::new(&service.services().metrics);
        yield Ok(opening());
        let mut sequence = 0u64;
        let mut events = std::pin::pin!(events);
        loop {
            match tokio::time::timeout(HEARTBEAT, events.next()).await {
                Err(_) => yield Ok(heartbeat(service.services().clock.millis())),
                Ok(None) => break,
                Ok(Some(event)) => {
                    for data in framing(event) {
                        sequence += 1;
                        let frame = sse::Event::default().id(sequence.to_string());
                        yield Ok(frame.data(data.to_string()));
                    }
                }
            }
        }
        drop(open);
        yield Ok(done());
    }
}
