//! Reads the fields of an event that clients name in different ways. Pure.

use serde_json::{Map, Value};

use crate::telemetry::model::{MAX_STRING_CHARS, RejectReason};
use crate::telemetry::sanitize::truncated;

/// The reason why an event is not stored.
#[derive(Debug)]
pub(super) struct EventRejection {
    /// Reason, for programs.
    pub(super) reason: RejectReason,
    /// Reason, in words.
    pub(super) detail: String,
}

impl EventRejection {
    pub(super) fn new(reason: RejectReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}

/// The fields of an event that were not read yet.
pub(super) struct EventFields(pub(super) Map<String, Value>);

impl EventFields {
    /// Takes a text field.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, EventRejection> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong_type(name, "a text")),
        }
    }

    /// Takes all of these fields, and returns the first that is a text.
    pub(super) fn one_of_texts(
        &mut self,
        names: &[&str],
    ) -> Result<Option<String>, EventRejection> {
        let mut found = None;
        for name in names {
            found = found.or(self.text(name)?);
        }
        Ok(found)
    }

    /// Takes an object field; an absent one is empty.
    pub(super) fn object(&mut self, name: &str) -> Result<Map<String, Value>, EventRejection> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(fields)) => Ok(fields),
            Some(_) => Err(wrong_type(name, "an object")),
        }
    }
}

/// The rejection of a field with a wrong type.
pub(super) fn wrong_type(name: &str, expected: &str) -> EventRejection {
    EventRejection::new(
        RejectReason::Invalid,
        format!("`{name}` must be {expected}"),
    )
}

/// Returns the first of these fields that is a text.
pub(super) fn text_in(data: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let found = names.iter().find_map(|name| data.get(*name)?.as_str());
    found.filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

/// Returns the error message: a text, or the message of an error object.
pub(super) fn message_in(data: &Map<String, Value>) -> Option<String> {
    let message = match data.get("error")? {
        Value::String(text) => text.clone(),
        Value::Object(error) => match error.get("message") {
            Some(Value::String(text)) => text.clone(),
            Some(_) | None => Value::Object(error.clone()).to_string(),
        },
        Value::Null => return None,
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_)) => other.to_string(),
    };
    Some(truncated(&message, MAX_STRING_CHARS).unwrap_or(message))
}

/// Returns the error type that a message starts with: `TypeError: x is undefined`.
pub(super) fn type_in(message: &str) -> Option<&str> {
    let (name, _) = message.split_once(':')?;
    let is_name = name
        .chars()
        .all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    let is_type = name.ends_with("Error") || name.ends_with("Exception");
    (is_name && is_type).then_some(name)
}

/// Returns the duration in whole milliseconds, under any of its names.
pub(super) fn duration(data: &Map<String, Value>) -> Option<i64> {
    let names = [
        "duration_ms",
        "durationMs",
        "latencyMs",
        "latency_ms",
        "total_duration_ms",
    ];
    let millis = names.iter().find_map(|name| data.get(*name)?.as_f64())?;
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    (millis >= 0.0).then_some(millis.round() as i64)
}

/// Returns a W3C trace id, alone or within a `traceparent`.
pub(super) fn trace_id_of(text: &str) -> Option<String> {
    let id = text.split('-').find(|part| part.len() == 32)?;
    let is_hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_nonzero = id.bytes().any(|byte| byte != b'0');
    (is_hex && is_nonzero).then(|| id.to_ascii_lowercase())
}
