//! A chat as server-sent events, every piece of text passed on as it arrives, in one of two framings.

use axum::response::Response;
use serde_json::{Value, json};

use crate::agent::chat::event::{ChatEvent, events};
use crate::agent::chat::service::Chat;
use crate::agent::prompt::messages::counted;
use crate::platform::sse::live;
use crate::runs::event::Event;
use crate::runs::event_data::ResumeReason;

/// Parts a piece that is void from the next one, for clients that show both.
const BREAK: &str = "\n\n";

/// The stream of a chat whose frames have types.
pub fn typed(chat: Chat) -> Response {
    send(chat, typed_frames)
}

/// The stream of a chat as the oldest clients read it: they know most frames by their key.
pub fn plain(chat: Chat) -> Response {
    send(chat, plain_frames)
}

fn send(chat: Chat, framing: fn(ChatEvent) -> Vec<Value>) -> Response {
    let deps = chat.deps().clone();
    live::send(&deps.metrics, deps.clock.clone(), events(chat), framing)
}

fn typed_frames(event: ChatEvent) -> Vec<Value> {
    match event {
        ChatEvent::Routed(router_info) => vec![json!({ "router_info": router_info })],
        ChatEvent::Read { path } => vec![typed_activity(&read(&path))],
        ChatEvent::LeftOut { files } => vec![typed_activity(&left_out(files))],
        ChatEvent::Asked => vec![typed_activity(&llm_call("Thinking…", "running"))],
        ChatEvent::Waits { message } => vec![typed_activity(&llm_call(&message, "running"))],
        ChatEvent::Text(text) => vec![json!({ "type": "text", "text": text })],
        ChatEvent::BrokeOff { message } => vec![
            json!({ "type": "text", "text": BREAK }),
            typed_activity(&llm_call(&message, "running")),
            asked_again(message),
        ],
        ChatEvent::Logged { gen_id, timestamp } => vec![logged(gen_id, timestamp)],
        ChatEvent::Answered(_) => vec![
            json!({ "type": "complete", "summary": {} }),
            typed_activity(&llm_call("Complete", "done")),
        ],
        ChatEvent::Failed { error, code } => vec![
            json!({ "type": "error", "error": error, "code": code }),
            typed_activity(&llm_call("Failed", "error")),
        ],
    }
}

/// The last frames have a type all the same: the client that runs outside an editor knows the answer
/// by `result`, and each of `done` and `error` by its type, while the editor's own client looks at the
/// keys.
fn plain_frames(event: ChatEvent) -> Vec<Value> {
    match event {
        ChatEvent::Routed(router_info) => vec![json!({ "router_info": router_info })],
        ChatEvent::Read { path } => vec![json!({ "activity": read(&path) })],
        ChatEvent::LeftOut { files } => vec![json!({ "activity": left_out(files) })],
        ChatEvent::Asked => vec![json!({ "activity": llm_call("Thinking…", "running") })],
        ChatEvent::Waits { message } => {
            vec![json!({ "activity": llm_call(&message, "running") })]
        }
        ChatEvent::Text(text) => vec![json!({ "content": text })],
        ChatEvent::BrokeOff { message } => vec![
            json!({ "content": BREAK }),
            json!({ "activity": llm_call(&message, "running") }),
            asked_again(message),
        ],
        ChatEvent::Logged { gen_id, timestamp } => vec![logged(gen_id, timestamp)],
        ChatEvent::Answered(answer) => {
            let result = json!({
                "content": answer.text, "reply": answer.text, "actions": [],
                "model": answer.model, "gen_id": answer.gen_id,
            });
            let summary = json!({ "success": true, "files_read": answer.files });
            vec![
                json!({ "activity": llm_call("Complete", "done") }),
                json!({ "type": "result", "data": result }),
                json!({ "type": "done", "done": true, "summary": summary }),
            ]
        }
        // An answer without text is shown by its summary, and without one as a success.
        ChatEvent::Failed { error, code } => vec![
            json!({ "type": "error", "error": error, "message": error, "code": code }),
            json!({ "activity": llm_call("Failed", "error") }),
            json!({ "type": "done", "done": true, "summary": {
                "success": false, "message": error,
            }}),
        ],
    }
}

fn typed_activity(activity: &Value) -> Value {
    json!({ "type": "activity", "activity": activity })
}

fn read(path: &str) -> Value {
    json!({
        "kind": "read", "label": "Read", "detail": path, "filePath": path, "status": "done",
    })
}

fn left_out(files: usize) -> Value {
    json!({
        "kind": "read", "label": "Left out", "status": "done",
        "detail": format!("{} that may hold secrets", counted(files)),
    })
}

fn llm_call(detail: &str, status: &str) -> Value {
    json!({
        "kind": "llm_call", "label": "Generating response", "detail": detail, "status": status,
    })
}

/// Says as the streams of runs do which pieces are void: all of them.
fn asked_again(message: String) -> Value {
    json!(Event::JobResumed {
        reason: ResumeReason::AskedAgain,
        discard_after: 0,
        message,
    })
}

fn logged(gen_id: i64, timestamp: i64) -> Value {
    json!({ "type": "generation_logged", "gen_id": gen_id, "timestamp": timestamp })
}
