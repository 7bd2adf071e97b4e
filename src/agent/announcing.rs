//! Showing a call before it runs and its result afterwards, and recording both.

use serde_json::{Map, Value};

use crate::agent::acting::{Done, Planned};
use crate::agent::event::Event;
use crate::agent::event_data::{ToolCallData, ToolResultData};
use crate::agent::journal::Entry;
use crate::agent::model::{Stopped, ToolCallId};
use crate::agent::run::{Halt, Runner};
use crate::llm::model::{Arguments, Message};
use crate::platform::text::head_and_tail;

/// The most of a result that the model sees, in bytes.
const MAX_MODEL_BYTES: usize = 48 * 1024;
/// The most of one string that an event shows, in bytes. Events are for watching.
const MAX_EVENT_STRING_BYTES: usize = 32 * 1024;

impl Runner {
    /// Shows and records a call before it runs.
    pub(super) async fn announce(&mut self, planned: &Planned) -> Result<(), Halt> {
        if self.halted.is_cancelled() {
            return Err(Halt::Stopped(Stopped::Cancelled));
        }
        if planned.past.is_some() {
            return Ok(());
        }
        let position = i32::try_from(self.tally.tool_calls + 1).unwrap_or(i32::MAX);
        let call = &planned.call;
        let arguments = match &call.arguments {
            Arguments::Object { object } => Value::Object(object.clone()),
            Arguments::Invalid { raw, .. } => Value::String(raw.clone()),
        };
        let tool_call = ToolCallData {
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: shortened(arguments),
        };
        let timestamp = self.services.clock.millis();
        let shown = Event::ToolCall {
            tool_call,
            timestamp,
        };
        let intent = Entry::ToolPlanned {
            id: planned.id,
            position,
            call: call.clone(),
        };
        self.journal
            .write(vec![intent, Entry::Event(shown)])
            .await?;
        self.tally.tool_calls += 1;
        self.open_calls.push((planned.id, call.id.clone()));
        Ok(())
    }

    pub(super) async fn finish_call(&mut self, planned: Planned, done: Done) -> Result<(), Halt> {
        self.tally.add_effects(&done.effects);
        let is_error = !done.succeeded();
        let text = serde_json::to_string(&done.result).unwrap_or_default();
        let answer = Message::ToolResult {
            call_id: planned.call.id.clone(),
            content: head_and_tail(&text, MAX_MODEL_BYTES),
            is_error,
        };
        let mut entries = self.closing(planned.id, planned.call.id, done.result);
        entries.push(self.entry(&answer));
        self.record(entries).await?;
        self.open_calls.retain(|(open, _)| *open != planned.id);
        self.said(answer);
        Ok(())
    }

    /// What shows and records the result of a call.
    fn closing(&self, id: ToolCallId, call_id: String, result: Map<String, Value>) -> Vec<Entry> {
        let timestamp = self.services.clock.millis();
        let whole = Value::Object(result);
        let shown = match shortened(whole.clone()) {
            Value::Object(result) => result,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        };
        let tool_result = ToolResultData {
            id: call_id,
            result: shown,
        };
        let shown = Event::ToolResult {
            tool_result,
            timestamp,
        };
        vec![
            Entry::ToolFinished { id, result: whole },
            Entry::Event(shown),
        ]
    }
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
