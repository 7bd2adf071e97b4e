//! Secrets in lists of JSON that are a program and what it is given.
//!
//! A word of such a list says nothing of itself: `-phunter2` is a password after `mysql`. So the rules see
//! the list as it would be written, and what they find is taken out of its members.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The longest list that is read as one, in bytes; longer ones are no commands.
const MAX_LIST: usize = 8 * 1024;
/// The names of members that hold a program, and those that hold what it is given.
const PROGRAMS: &[&str] = &[
    "command",
    "Command",
    "program",
    "path",
    "Path",
    "file",
    "executable",
    "exe",
    "entrypoint",
    "Entrypoint",
];
const ARGUMENTS: &[&str] = &["args", "Args", "argv", "arguments", "cmd", "Cmd"];

/// Takes the secrets out of a list of words. Answers whether anything changed.
pub(super) fn redact_list(items: &mut [Value], clean: fn(&str) -> Cow<'_, str>) -> bool {
    redact_after(&[], items, clean)
}

/// Takes the secrets out of the arguments that an object has beside a program.
pub(super) fn redact_call(
    fields: &mut Map<String, Value>,
    clean: fn(&str) -> Cow<'_, str>,
) -> bool {
    let program = PROGRAMS.iter().find_map(|name| fields.get(*name));
    let program: Vec<Value> = match program {
        Some(Value::String(text)) => text.split_ascii_whitespace().map(Value::from).collect(),
        Some(Value::Array(words)) => words.clone(),
        Some(_) | None => return false,
    };
    let mut changed = false;
    for name in ARGUMENTS {
        if let Some(Value::Array(items)) = fields.get_mut(*name) {
            changed |= redact_after(&program, items, clean);
        }
    }
    changed
}

fn redact_after(program: &[Value], items: &mut [Value], clean: fn(&str) -> Cow<'_, str>) -> bool {
    let words = program.len() + items.len();
    let is_word = |item: &Value| matches!(item, Value::String(_) | Value::Number(_));
    let length = |item: &Value| item.as_str().map_or(8, str::len);
    let all = || program.iter().chain(items.iter());
    if words < 2 || !all().all(is_word) || all().map(length).sum::<usize>() > MAX_LIST {
        return false;
    }
    let text = all().cloned().collect::<Value>().to_string();
    let Cow::Owned(clean) = clean(&text) else {
        return false;
    };
    let Ok(found) = serde_json::from_str::<Vec<Value>>(&clean) else {
        return false;
    };
    if found.len() != words {
        return false;
    }
    let mut changed = false;
    for (item, found) in items.iter_mut().zip(found.into_iter().skip(program.len())) {
        if item.is_string() && found.is_string() && *item != found {
            *item = found;
            changed = true;
        }
    }
    changed
}
