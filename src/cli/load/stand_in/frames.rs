//! Frames of Chat Completions.

use serde_json::{Value, json};

use crate::llm::script::ScriptedCall;

/// A piece of text.
pub fn text(piece: &str) -> String {
    choice(&json!({"content": piece}), None)
}

/// A call of a tool, by the number of its turn and its place there.
pub fn call(call: &ScriptedCall, turn: usize, place: usize) -> String {
    let arguments = Value::Object(call.arguments.clone()).to_string();
    let call = json!({
        "index": place, "id": format!("call_{turn}_{place}"), "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    });
    choice(&json!({"tool_calls": [call]}), None)
}

/// The end of an answer, with the tokens that it took.
pub fn end(calls: bool, (asked, said): (u64, u64)) -> String {
    let reason = if calls { "tool_calls" } else { "stop" };
    let end = choice(&json!({}), Some(reason));
    let usage = json!({
        "choices": [],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    });
    format!("{end}data: {usage}\n\ndata: [DONE]\n\n")
}

fn choice(delta: &Value, reason: Option<&str>) -> String {
    let frame = json!({
        "id": "chatcmpl-load", "object": "chat.completion.chunk", "created": 0, "model": "load",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    });
    format!("data: {frame}\n\n")
}
