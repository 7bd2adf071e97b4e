//! Calls that are JSON.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Names of the member that names the tool.
const NAMES: &[&str] = &[
    "name",
    "tool",
    "tool_name",
    "function",
    "function_name",
    "action",
    "recipient_name",
];
/// Names of the member that holds the arguments.
const ARGUMENTS: &[&str] = &[
    "arguments",
    "parameters",
    "args",
    "input",
    "tool_input",
    "action_input",
    "params",
    "kwargs",
];
/// Names of a member that holds one call or some.
const CALLS: &[&str] = &[
    "tool_calls",
    "function_calls",
    "tool_call",
    "function_call",
    "tool_use",
    "tool_uses",
    "calls",
];
/// Members that say nothing about a call.
const BESIDE: &[&str] = &[
    "type",
    "id",
    "index",
    "role",
    "content",
    "thought",
    "reasoning",
];

/// A call as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct SpokenCall {
    /// The tool's name.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// True if it was written as calls are, and not only in a way that may mean one.
    pub(super) is_exact: bool,
}

/// True if a text begins an object or a list that may be a call, as far as it has come: its first key is one
/// of those of calls.
pub(super) fn begins_call(text: &str) -> bool {
    let Some(inner) = text.strip_prefix(['{', '[']) else {
        return false;
    };
    let inner = inner.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '{' | '['));
    let Some(key) = inner.strip_prefix('"') else {
        return inner.is_empty();
    };
    let keys = [NAMES, ARGUMENTS, CALLS, BESIDE];
    let mut keys = keys.into_iter().flatten();
    match key.split_once('"') {
        Some((key, _)) => keys.any(|known| *known == key),
        None => keys.any(|known| known.starts_with(key)),
    }
}

/// The calls that a value is; none when it is something else.
pub(super) fn calls(value: &Value) -> Option<Vec<SpokenCall>> {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let calls: Option<Vec<_>> = items.iter().map(calls).collect();
            calls.map(|calls| calls.concat())
        }
        Value::Object(object) => {
            let only = |name: &str| object.keys().all(|key| key == name || is_beside(key));
            let mut held = CALLS.iter().copied().filter(|name| only(name));
            let held = held.find_map(|name| object.get(name));
            match held.or_else(|| object.get("function").filter(|held| held.is_object())) {
                Some(held) => calls(held),
                None => call(object).map(|call| vec![call]),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    }
}

fn is_beside(key: &str) -> bool {
    BESIDE.contains(&key)
}

fn call(object: &Map<String, Value>) -> Option<SpokenCall> {
    let named = NAMES
        .iter()
        .find_map(|key| Some((*key, object.get(*key)?.as_str()?)));
    let held = ARGUMENTS
        .iter()
        .find_map(|key| Some((*key, object.get(*key)?)));
    match (named, held) {
        (Some((name_key, name)), Some((key, held))) => {
            let others = object
                .keys()
                .filter(|other| *other != key && *other != name_key);
            Some(SpokenCall {
                name: name.to_owned(),
                arguments: arguments(held)?,
                is_exact: others.into_iter().all(|other| is_beside(other)),
            })
        }
        (Some((name_key, name)), None) => {
            let is_alone = object.keys().all(|key| key == name_key || is_beside(key));
            is_alone.then(|| SpokenCall {
                name: name.to_owned(),
                arguments: Map::new(),
                is_exact: false,
            })
        }
        (None, _) => {
            // `{"read_file": {"path": "a"}}`
            let (name, held) = object.iter().next().filter(|_| object.len() == 1)?;
            Some(SpokenCall {
                name: name.clone(),
                arguments: held.as_object()?.clone(),
                is_exact: false,
            })
        }
    }
}

/// Arguments as an object, or as a text that holds one.
fn arguments(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object.clone()),
        Value::String(text) => parse(text)?.as_object().cloned(),
        Value::Null => Some(Map::new()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// Reads a value as models write it: line breaks may stand in texts.
pub(super) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&escaped(text)))
        .ok()
}

/// The length of the object or array at the beginning of a text; none when it does not end.
pub(super) fn extent(text: &str) -> Option<usize> {
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The text with an escape for every control character within a string.
fn escaped(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let (mut in_text, mut is_escaped) = (false, false);
    for c in text.chars() {
        match c {
            '\n' if in_text => out.push_str("\\n"),
            '\r' if in_text => out.push_str("\\r"),
            '\t' if in_text => out.push_str("\\t"),
            _ => out.push(c),
        }
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if in_text => is_escaped = true,
            '"' => in_text = !in_text,
            _ => {}
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_shape_of_a_call_is_the_same_call() {
        for value in [
            json!({"name": "read_file", "arguments": {"path": "a"}}),
            json!({"name": "read_file", "parameters": {"path": "a"}}),
            json!({"tool": "read_file", "args": "{\"path\": \"a\"}"}),
            json!({"action": "read_file", "action_input": {"path": "a"}}),
            json!({"type": "function", "function": {"name": "read_file", "arguments": {"path": "a"}}}),
            json!({"tool_calls": [{"id": "1", "function": {"name": "read_file", "arguments": "{\"path\": \"a\"}"}}]}),
            json!([{"name": "read_file", "arguments": {"path": "a"}}]),
            json!({"read_file": {"path": "a"}}),
        ] {
            let found = calls(&value).unwrap();
            assert_eq!(found[0].name, "read_file", "{value}");
            assert_eq!(json!(found[0].arguments), json!({"path": "a"}), "{value}");
        }
    }

    #[test]
    fn other_values_are_no_calls() {
        for value in [
            json!({}),
            json!([]),
            json!(["a"]),
            json!({"name": "acme", "version": "1", "parameters": 3}),
            json!({"name": "acme", "version": "1"}),
            json!({"a": 1}),
            json!([{"name": "x", "arguments": {}}, 3]),
        ] {
            assert_eq!(calls(&value), None, "{value}");
        }
    }

    #[test]
    fn a_value_ends_where_its_brackets_do() {
        assert_eq!(extent(r#"{"a": "}\"]"} rest"#), Some(13));
        assert_eq!(extent(r#"{"a": {}"#), None);
        assert_eq!(parse("{\"a\": \"b\nc\"}"), Some(json!({"a": "b\nc"})));
    }
}
