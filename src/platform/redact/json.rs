//! Secrets in JSON: by the names of members, and in every string.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::platform::redact::arguments;
use crate::platform::redact::command::redact_command;
use crate::platform::redact::rules::keys::{is_secret_key, names_secret};
use crate::platform::redact::rules::scan::Anchors;
use crate::platform::redact::rules::vendors::value::is_key_of_vendor;
use crate::platform::redact::text::{REDACTED, redact_text};

/// A name shorter than this holds no secret itself, in bytes.
const SHORTEST_NAME: usize = 16;

/// Takes the secrets out of a value, at any depth: the strings below the name of a secret wholly, and of
/// all others the parts that [`redact_text`] finds. Numbers, booleans and nulls are left alone. Returns
/// true when anything changed.
pub fn redact_json(value: &mut Value) -> bool {
    redact(value, redact_text)
}

/// The same, but strings hold commands, of which what they run stays visible.
pub fn redact_command_json(value: &mut Value) -> bool {
    redact(value, redact_command)
}

fn redact(value: &mut Value, clean: fn(&str) -> Cow<'_, str>) -> bool {
    let mut changed = false;
    // A list of the remaining values instead of recursion: JSON may be deeper than any stack.
    let mut left = Vec::with_capacity(64);
    left.push((value, false));
    while let Some((value, is_secret)) = left.pop() {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) if is_secret => {
                if !text.is_empty() && text != REDACTED {
                    REDACTED.clone_into(text);
                    changed = true;
                }
            }
            Value::String(text) => {
                if let Cow::Owned(without) = clean(text) {
                    *text = without;
                    changed = true;
                }
            }
            Value::Array(items) => {
                changed |= !is_secret && arguments::redact_list(items, clean);
                let mut follows = false;
                left.extend(items.iter_mut().map(|item| {
                    let is_value = std::mem::replace(&mut follows, is_secret_flag(item));
                    (item, is_secret || is_value)
                }));
            }
            Value::Object(fields) => {
                changed |= redact_names(fields);
                let holder = Holder::of(fields);
                if holder == Holder::Call {
                    changed |= arguments::redact_call(fields, clean);
                }
                if holder == Holder::Manifests {
                    changed |= redact_items(fields);
                }
                left.extend(fields.iter_mut().map(|(name, value)| {
                    let is_secret = is_secret
                        || (can_hold_text(value)
                            && (is_secret_member(name, value) || holder.holds(name)));
                    (value, is_secret)
                }));
            }
        }
    }
    changed
}

fn can_hold_text(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Array(_) | Value::Object(_))
}

/// True when the value under this name is a secret.
fn is_secret_member(name: &str, value: &Value) -> bool {
    // Most names are settled by this, in a fraction of the time that words take.
    Anchors::get().may_name_secret(name)
        && (names_secret(name)
            || value
                .as_str()
                .is_some_and(|value| is_key_of_vendor(name, value)))
}

/// Takes out the data of the members of a list that says of all of them that they are secrets.
fn redact_items(fields: &mut Map<String, Value>) -> bool {
    let items = fields.get_mut("items").and_then(Value::as_array_mut);
    let mut changed = false;
    for item in items.into_iter().flatten() {
        for name in ["data", "stringData"] {
            let data = item.get_mut(name).and_then(Value::as_object_mut);
            for value in data.into_iter().flat_map(Map::values_mut) {
                if value
                    .as_str()
                    .is_some_and(|text| !text.is_empty() && text != REDACTED)
                {
                    *value = Value::from(REDACTED);
                    changed = true;
                }
            }
        }
    }
    changed
}

/// The meaning of an object for its other members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// Nothing.
    Plain,
    /// It has the name of a secret, whose value is in another member.
    Pair,
    /// It is a secret of Kubernetes, with its data.
    Manifest,
    /// It is a list of such.
    Manifests,
    /// It has the arguments of a program.
    Call,
}

impl Holder {
    fn of(fields: &Map<String, Value>) -> Self {
        let (mut has_value, mut has_arguments) = (false, false);
        let (mut name, mut kind, mut has_data) = (None, None, false);
        // One pass costs less than one search.
        for (field, value) in fields {
            match field.as_str() {
                "value" | "Value" => has_value = true,
                "name" | "key" | "Name" | "Key" => name = name.or(value.as_str()),
                "kind" => kind = value.as_str(),
                "apiVersion" => has_data = true,
                "data" | "stringData" => has_data |= value.is_object(),
                "args" | "Args" | "argv" | "arguments" | "cmd" | "Cmd" => {
                    has_arguments |= value.is_array();
                }
                _ => {}
            }
        }
        if kind == Some("Secret") && has_data {
            Self::Manifest
        } else if kind == Some("SecretList") {
            Self::Manifests
        } else if has_value && name.is_some_and(is_secret_key) {
            Self::Pair
        } else if has_arguments {
            Self::Call
        } else {
            Self::Plain
        }
    }

    fn holds(self, name: &str) -> bool {
        match self {
            Self::Plain | Self::Manifests | Self::Call => false,
            Self::Pair => matches!(name, "value" | "Value"),
            Self::Manifest => matches!(name, "data" | "stringData"),
        }
    }
}

/// The next member of a list of arguments is a secret.
fn is_secret_flag(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.starts_with('-') && !text.contains('=') && is_secret_key(text))
}

/// Takes secrets out of the names of an object's members; none of these is lost for it.
fn redact_names(fields: &mut Map<String, Value>) -> bool {
    let is_clean =
        |name: &String| name.len() < SHORTEST_NAME || matches!(redact_text(name), Cow::Borrowed(_));
    if fields.keys().all(is_clean) {
        return false;
    }
    for (name, value) in std::mem::take(fields) {
        let mut clean = redact_text(&name).into_owned();
        while fields.contains_key(&clean) {
            clean.push('\'');
        }
        fields.insert(clean, value);
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_below_the_name_of_a_secret_go_and_numbers_stay() {
        let mut value = json!({
            "apiKey": "k", "total_tokens": 1200, "token": 7, "password": true, "secret": null,
            "credentials": {"user": "ada", "tries": 3, "list": ["a", 1, ""]},
            "note": "all is well",
        });
        assert!(redact_json(&mut value));
        let expected = json!({
            "apiKey": "[redacted]", "total_tokens": 1200, "token": 7, "password": true, "secret": null,
            "credentials": {"user": "[redacted]", "tries": 3, "list": ["[redacted]", 1, ""]},
            "note": "all is well",
        });
        assert_eq!(value, expected);
        assert!(!redact_json(&mut value), "a second time changes nothing");
    }

    #[test]
    fn secrets_in_names_go_without_losing_a_member() {
        let secret = ["ghp", "_0123456789abcdefABCDEF0123456789abcd"].concat();
        let other = ["ghp", "_9876543210abcdefABCDEF0123456789abcd"].concat();
        let mut value = json!({ secret: 1, other: 2, "short": 3 });
        assert!(redact_json(&mut value));
        let expected =
            json!({ "[redacted:github-token]": 1, "[redacted:github-token]'": 2, "short": 3 });
        assert_eq!(value, expected);
    }

    #[test]
    fn what_is_named_beside_its_value_is_a_secret() {
        let mut value = json!({
            "env": [{"name": "DB_PASSWORD", "value": "hunter2x"}, {"name": "PORT", "value": "8080"}],
            "args": ["--token", "hunter3x", "--verbose", "true"],
            "apiVersion": "v1", "kind": "Secret", "data": {"anything": "aHVudGVyNA=="},
            "list": {"kind": "SecretList", "items": [{"data": {"anything": "aHVudGVyNA=="}}]},
            "call": {"command": "mysql", "args": ["-P", 3306, "-phunter5x"]},
            "argv": ["sshpass", "-p", "hunter6x", "ssh", "h"],
            "algolia": "hunter7x8y9z0a1b", "region": "hunter7x8y9z0a1b",
        });
        assert!(redact_json(&mut value));
        let expected = json!({
            "env": [{"name": "DB_PASSWORD", "value": "[redacted]"}, {"name": "PORT", "value": "8080"}],
            "args": ["--token", "[redacted]", "--verbose", "true"],
            "apiVersion": "v1", "kind": "Secret", "data": {"anything": "[redacted]"},
            "list": {"kind": "SecretList", "items": [{"data": {"anything": "[redacted]"}}]},
            "call": {"command": "mysql", "args": ["-P", 3306, "-p[redacted]"]},
            "argv": ["sshpass", "-p", "[redacted]", "ssh", "h"],
            "algolia": "[redacted]", "region": "hunter7x8y9z0a1b",
        });
        assert_eq!(value, expected);
        assert!(!redact_json(&mut value), "a second time changes nothing");
    }

    #[test]
    fn depth_costs_no_stack() {
        let mut value = json!("password=hunter2x");
        for _ in 0..200_000 {
            value = Value::Array(vec![value]);
        }
        assert!(redact_json(&mut value));
        // Taken apart by hand, because dropping it as a whole would need the stack.
        while let Value::Array(mut items) = value {
            value = items.remove(0);
        }
        assert_eq!(value, "password=[redacted]");
    }
}
