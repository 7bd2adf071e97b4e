//! Finding in an event what clients say in more than one way. Pure.

use serde_json::{Map, Value};

use crate::telemetry::model::{MAX_STRING_CHARS, Reason};
use crate::telemetry::sanitize::truncated;

/// Why an event is not stored, for a program and for a person.
pub(super) type Refusal = (Reason, String);

/// The members of an event that nobody has asked for yet.
pub(super) struct Fields(pub(super) Map<String, Value>);

impl Fields {
    /// Takes a member that is a text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "a text")),
        }
    }

    /// Takes all of these members, and answers with the first that is a text.
    pub(super) fn one_of_texts(&mut self, names: &[&str]) -> Result<Option<String>, Refusal> {
        let mut found = None;
        for name in names {
            found = found.or(self.text(name)?);
        }
        Ok(found)
    }

    /// Takes a member that is an object; an absent one is empty.
    pub(super) fn object(&mut self, name: &str) -> Result<Map<String, Value>, Refusal> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(fields)) => Ok(fields),
            Some(_) => Err(wrong(name, "an object")),
        }
    }
}

/// That a member is not what it should be.
pub(super) fn wrong(name: &str, is: &str) -> Refusal {
    (Reason::Invalid, format!("`{name}` is {is}"))
}

/// The first of these members that is a text.
pub(super) fn text_in(data: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let found = names.iter().find_map(|name| data.get(*name)?.as_str());
    found.filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

/// What went wrong, in words: a text, or the message of an error as an object.
pub(super) fn message_in(data: &Map<String, Value>) -> Option<String> {
    let said = match data.get("error")? {
        Value::String(text) => text.clone(),
        Value::Object(error) => match error.get("message") {
            Some(Value::String(text)) => text.clone(),
            Some(_) | None => Value::Object(error.clone()).to_string(),
        },
        Value::Null => return None,
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_)) => other.to_string(),
    };
    Some(truncated(&said, MAX_STRING_CHARS).unwrap_or(said))
}

/// The type that a message begins with: `TypeError: x is undefined`.
pub(super) fn type_in(message: &str) -> Option<&str> {
    let (name, _) = message.split_once(':')?;
    let is_name = name
        .chars()
        .all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    let is_type = name.ends_with("Error") || name.ends_with("Exception");
    (is_name && is_type).then_some(name)
}

/// How long it took: what clients call it, in whole milliseconds.
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

/// A trace id as W3C Trace Context writes it, alone or within a whole `traceparent`.
pub(super) fn trace_id_of(text: &str) -> Option<String> {
    let id = text.split('-').find(|part| part.len() == 32)?;
    let is_hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_any = id.bytes().any(|byte| byte != b'0');
    (is_hex && is_any).then(|| id.to_ascii_lowercase())
}
