//! Answers of the Responses API, built and read.

use navi::llm::error::LlmError;
use navi::llm::model::{ChatRequest, Completion, StreamEvent, ToolCall, ToolSpec};
use navi::llm::provider::Provider as _;
use navi::llm::wire::codec::Codec;
use navi::llm::wire::responses::codec::{KeyHeader, Responses};
use serde_json::{Value, json};

use crate::llm_support::{RawServer, drain, patience, provider, request, sse};

/// Reasoning, a text and two interleaved calls, as the specification has them.
pub(super) const TWO_CALLS: &str = include_str!("../wire/responses_reasoning_and_two_calls.sse");

pub(super) fn responses() -> Box<dyn Codec> {
    Box::new(Responses(KeyHeader::Bearer))
}

pub(super) fn tool(name: &'static str) -> ToolSpec {
    ToolSpec {
        name,
        description: "Does it.",
        parameters: json!({"type": "object", "properties": {}}),
    }
}

/// A question in which tools are offered.
pub(super) fn asked(model: &str) -> ChatRequest {
    ChatRequest {
        tools: [tool("read_file"), tool("search_files"), tool("run_command")].into(),
        ..request(model)
    }
}

/// Events as a stream, without numbers, which not every server gives them.
pub(super) fn stream_of(events: &[Value]) -> String {
    let frames = events.iter().map(|event| format!("data: {event}\n\n"));
    frames.collect()
}

/// An item that is complete.
pub(super) fn done(index: u64, item: &Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": index, "item": item})
}

/// An item that begins.
pub(super) fn added(index: u64, item: &Value) -> Value {
    json!({"type": "response.output_item.added", "output_index": index, "item": item})
}

pub(super) fn message(id: &str, text: &str) -> Value {
    json!({
        "type": "message", "id": id, "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    })
}

pub(super) fn reasoning(id: &str) -> Value {
    json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": format!("secret of {id}")})
}

pub(super) fn function_call(id: &str, call_id: &str, arguments: &str) -> Value {
    json!({
        "type": "function_call", "id": id, "call_id": call_id, "name": "read_file",
        "arguments": arguments, "status": "completed",
    })
}

pub(super) fn completed() -> Value {
    json!({"type": "response.completed", "response": {"status": "completed", "output": []}})
}

/// The events of an answer that comes over HTTP.
pub(super) async fn answer_to(
    asked: &ChatRequest,
    stream: impl AsRef<[u8]>,
) -> (Vec<StreamEvent>, Option<LlmError>) {
    let server = RawServer::with(sse(stream)).await;
    let provider = provider(responses(), &server, patience(5_000));
    match provider.stream(asked).await {
        Ok(events) => drain(events).await,
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// The same for the usual question.
pub(super) async fn answer_of(stream: impl AsRef<[u8]>) -> (Vec<StreamEvent>, Option<LlmError>) {
    answer_to(&asked("gpt-5.4"), stream).await
}

/// The events of an answer that is complete.
pub(super) async fn whole_answer_of(events: &[Value]) -> Vec<StreamEvent> {
    let (events, error) = answer_of(stream_of(events)).await;
    assert_eq!(error, None, "{events:?}");
    events
}

pub(super) fn text(events: &[StreamEvent]) -> String {
    let pieces = events.iter().map(|event| match event {
        StreamEvent::Text { delta } => delta.as_str(),
        StreamEvent::Reasoning { .. } | StreamEvent::ToolCall(_) | StreamEvent::Done(_) => "",
    });
    pieces.collect()
}

pub(super) fn thoughts(events: &[StreamEvent]) -> String {
    let pieces = events.iter().map(|event| match event {
        StreamEvent::Reasoning { delta } => delta.as_str(),
        StreamEvent::Text { .. } | StreamEvent::ToolCall(_) | StreamEvent::Done(_) => "",
    });
    pieces.collect()
}

pub(super) fn calls(events: &[StreamEvent]) -> Vec<&ToolCall> {
    let calls = events.iter().filter_map(|event| match event {
        StreamEvent::ToolCall(call) => Some(call),
        StreamEvent::Text { .. } | StreamEvent::Reasoning { .. } | StreamEvent::Done(_) => None,
    });
    calls.collect()
}

pub(super) fn completion(events: &[StreamEvent]) -> &Completion {
    let Some(StreamEvent::Done(completion)) = events.last() else {
        unreachable!("the answer ended with {:?}", events.last());
    };
    completion
}

/// The body of a request as the server got it.
pub(super) fn body_of(request: &str) -> Value {
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}
