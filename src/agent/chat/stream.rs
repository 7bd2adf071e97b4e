//! A chat as server-sent events, every piece of text passed on as it arrives.

use std::convert::Infallible;

use async_stream::stream;
use axum::response::Response;
use axum::response::sse;
use serde_json::{Value, json};

use crate::agent::chat::service::Chat;
use crate::agent::service::AgentService;
use crate::agent::stream::{HEARTBEAT, OpenStream, done, heartbeat, opening, respond};
use crate::llm::error::LlmError;
use crate::llm::model::StreamEvent;
use crate::platform::redact::gate::Gate;
use crate::platform::redact::text::redact_text;

/// The stream of a chat. Its client leaving ends the call.
pub fn chat(service: AgentService, chat: Chat) -> Response {
    respond(frames(service, chat))
}

fn frames(
    service: AgentService,
    chat: Chat,
) -> impl futures_util::Stream<Item = Result<sse::Event, Infallible>> + Send + 'static {
    stream! {
        let _open = OpenStream::new(&service);
        let mut sequence = 0u64;
        let mut numbered = move |data: Value| {
            sequence += 1;
            Ok(sse::Event::default().id(sequence.to_string()).data(data.to_string()))
        };
        yield Ok(opening());
        yield numbered(json!({ "router_info": chat.router_info }));
        for path in &chat.files {
            yield numbered(json!({ "type": "activity", "activity": {
                "kind": "read", "label": "Read", "detail": path, "filePath": path,
                "status": "done",
            }}));
        }
        yield numbered(llm_activity("Thinking…", "running"));
        let mut answer = String::new();
        let mut gate = Gate::default();
        let mut asking = std::pin::pin!(chat.ask());
        let asked = loop {
            match tokio::time::timeout(HEARTBEAT, &mut asking).await {
                Ok(asked) => break asked,
                Err(_) => yield Ok(heartbeat(service.services().clock.millis())),
            }
        };
        let ended = match asked {
            Err(error) => Some(error),
            Ok(mut call) => loop {
                let event = {
                    let mut next = std::pin::pin!(call.next());
                    loop {
                        tokio::select! {
                            event = &mut next => break event,
                            () = tokio::time::sleep(HEARTBEAT) => {
                                yield Ok(heartbeat(service.services().clock.millis()));
                            }
                        }
                    }
                };
                match event {
                    Some(Ok(StreamEvent::Text { delta })) => {
                        answer.push_str(&delta);
                        gate.push(&delta);
                        let text = gate.take();
                        if !text.is_empty() {
                            yield numbered(json!({ "type": "text", "text": text }));
                        }
                    }
                    Some(Ok(StreamEvent::Reasoning { .. } | StreamEvent::ToolCall(_))) => {}
                    Some(Ok(StreamEvent::Done(_))) => break None,
                    Some(Err(error)) => break Some(error),
                    None => {
                        break Some(LlmError::Truncated { provider: chat.provider_name() });
                    }
                }
            },
        };
        let text = gate.finish();
        if !text.is_empty() {
            yield numbered(json!({ "type": "text", "text": text }));
        }
        if let Some(error) = ended {
            let message = error.to_string();
            yield numbered(json!({
                "type": "error", "error": redact_text(&message), "code": error.code(),
            }));
            yield numbered(llm_activity("Failed", "error"));
        } else {
            if let Some(gen_id) = chat.keep(&answer).await {
                let timestamp = service.services().clock.millis();
                yield numbered(json!({
                    "type": "generation_logged", "gen_id": gen_id, "timestamp": timestamp,
                }));
            }
            yield numbered(json!({ "type": "complete", "summary": {} }));
            yield numbered(llm_activity("Complete", "done"));
        }
        yield Ok(done());
    }
}

fn llm_activity(detail: &str, status: &str) -> Value {
    json!({ "type": "activity", "activity": {
        "kind": "llm_call", "label": "Generating response", "detail": detail, "status": status,
    }})
}
