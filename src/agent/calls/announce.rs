//! Showing a call before it runs and its result afterwards, and recording both.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::agent::calls::call::{CallResult, PendingCall};
use crate::agent::calls::folder_words;
use crate::agent::prompt::repository_words;
use crate::agent::runner::primitives::{Halt, Runner};
use crate::llm::model::{Arguments, Message};
use crate::platform::text::head_and_tail;
use crate::policy::request::Request;
use crate::runs::event::Event;
use crate::runs::event_data::{ToolCallData, ToolResultData};
use crate::runs::log::entry::Entry;
use crate::runs::outcome::Stopped;
use crate::tools::tool::Access;

/// The most of a result that the model sees, in bytes.
const MAX_MODEL_BYTES: usize = 48 * 1024;
/// The most of one string that an event shows, in bytes. Events are for watching.
const MAX_EVENT_STRING_BYTES: usize = 32 * 1024;

/// Shows and records a call before it runs.
pub(crate) async fn announce(runner: &mut Runner, pending: &PendingCall) -> Result<(), Halt> {
    if runner.halted.is_cancelled() {
        return Err(Halt::Stopped(Stopped::Cancelled));
    }
    if pending.past.is_some() {
        return Ok(());
    }
    let position = i32::try_from(runner.state.usage.tool_calls + 1).unwrap_or(i32::MAX);
    let call = &pending.call;
    let arguments = match &call.arguments {
        Arguments::Object { object } => Value::Object(object.clone()),
        Arguments::Invalid { raw, .. } => Value::String(raw.clone()),
    };
    let tool_call = ToolCallData {
        id: call.id.clone(),
        name: call.name.clone(),
        arguments: shortened(arguments),
    };
    let timestamp = runner.deps.clock.millis();
    let shown = Event::ToolCall {
        tool_call,
        timestamp,
    };
    let intent = Entry::ToolPlanned {
        id: pending.id,
        position,
        call: call.clone(),
    };
    runner
        .journal
        .write(vec![intent, Entry::Event(shown)])
        .await?;
    runner.state.usage.tool_calls += 1;
    Ok(())
}

pub(crate) async fn finish(
    runner: &mut Runner,
    pending: PendingCall,
    mut done: CallResult,
) -> Result<(), Halt> {
    runner.state.usage.add_effects(&done.effects);
    if !asks_a_person(&pending) {
        let obstacles = &mut runner.state.usage.obstacles;
        obstacles.note_call(done.end(), written(&pending));
    }
    let words = folder_words::for_touched(runner, &done.effects).await;
    let is_error = !done.succeeded();
    let text = serde_json::to_string(&done.result).unwrap_or_default();
    let mut content = head_and_tail(&text, MAX_MODEL_BYTES);
    if let Some(told) = words.data() {
        let spoken = repository_words::of_folders(&words, &content);
        content = format!("{content}\n\n{spoken}");
        // The model reads them; clients are told which they are.
        done.result.insert("instructions".to_owned(), json!(told));
    }
    let answer = Message::ToolResult {
        call_id: pending.call.id.clone(),
        content,
        is_error,
    };
    let mut entries: Vec<_> = done.audited.map(Entry::After).into_iter().collect();
    entries.extend(closing(runner, &pending, done.result, done.took));
    entries.push(runner.transcript.entry(&answer));
    runner.record(entries).await?;
    runner.transcript.push(answer);
    Ok(())
}

/// True of a call that only asks: a missing answer is no failure.
fn asks_a_person(pending: &PendingCall) -> bool {
    let work = pending.work.as_ref();
    work.is_ok_and(|invocation| invocation.tool.access() == Access::Person)
}

/// The file that a call is to write.
fn written(pending: &PendingCall) -> Option<&str> {
    match pending.work.as_ref().ok()?.request() {
        Request::Write { path } => Some(path),
        Request::Command { .. } | Request::Read { .. } | Request::Harmless { .. } => None,
    }
}

/// The two log entries that close a call: its whole result as a record, and a shortened one as an event.
fn closing(
    runner: &Runner,
    pending: &PendingCall,
    result: Map<String, Value>,
    took: Option<Duration>,
) -> [Entry; 2] {
    let timestamp = runner.deps.clock.millis();
    let whole = Value::Object(result);
    let shown = match shortened(whole.clone()) {
        Value::Object(result) => result,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    let tool_result = ToolResultData {
        id: pending.call.id.clone(),
        result: shown,
    };
    let shown = Event::ToolResult {
        tool_result,
        timestamp,
    };
    [
        Entry::ToolFinished {
            id: pending.id,
            result: whole,
            took,
        },
        Entry::Event(shown),
    ]
}

/// The same value with its long strings cut in the middle.
fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(head_and_tail(&text, MAX_EVENT_STRING_BYTES)),
        Value::Array(items) => Value::Array(items.into_iter().map(shortened).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| (key, shortened(value)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}
