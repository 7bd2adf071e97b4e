//! Making what a client sent fit to be kept: without secrets, without what Postgres cannot hold, and
//! within limits. Pure.

use serde_json::{Map, Value};

use crate::platform::db::strip_nul;
use crate::platform::redact::json::redact_json;
use crate::platform::redact::text::redact_text;
use crate::telemetry::anonymize::without_home_folders;
use crate::telemetry::model::{Change, MAX_DEPTH, MAX_STRING_CHARS};

/// Says in an event that some of it was left out; the name that the original service used.
const SIZE_LIMIT_EXCEEDED: &str = "_size_limit_exceeded";
/// What a number or a truth value counts for, in bytes.
const SCALAR_BYTES: usize = 8;
/// What quotes and punctuation around a string count for.
const AROUND: usize = 3;

/// What is nested too deeply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooDeep;

/// Cleans an object in place; `budget` is how many bytes of it may be kept. Answers with what was
/// changed, each thing once.
///
/// Secrets go first: a string that is cut in the middle of a secret would hide it from those who look
/// for its form.
pub fn clean(fields: &mut Map<String, Value>, budget: &mut usize) -> Result<Vec<Change>, TooDeep> {
    let mut value = Value::Object(std::mem::take(fields));
    let mut fitting = Fitting {
        left: *budget,
        changes: Vec::new(),
    };
    if redact_json(&mut value) {
        fitting.note(Change::Redacted);
    }
    let fits = fitting.fit(&mut value, 1);
    if let Value::Object(object) = value {
        *fields = object;
    }
    fits?;
    if fitting.changes.contains(&Change::SizeLimitExceeded) {
        fields.insert(SIZE_LIMIT_EXCEEDED.to_owned(), Value::Bool(true));
    }
    *budget = fitting.left;
    Ok(fitting.changes)
}

/// A text as it is kept: without secrets, home folders and NUL, not too long.
pub fn fit_text(text: &str) -> String {
    let clean = redact_text(text);
    let clean = without_home_folders(&clean);
    let clean = strip_nul(&clean);
    truncated(&clean, MAX_STRING_CHARS).unwrap_or_else(|| clean.into_owned())
}

/// Cuts a text after its first characters, and says so in it; the original service's words.
pub fn truncated(text: &str, max_chars: usize) -> Option<String> {
    if text.len() <= max_chars {
        return None;
    }
    let (end, _) = text.char_indices().nth(max_chars)?;
    let count = text.chars().count();
    Some(format!(
        "{}... [truncated from {count} chars]",
        &text[..end]
    ))
}

/// One walk over a value.
struct Fitting {
    left: usize,
    changes: Vec<Change>,
}

impl Fitting {
    fn note(&mut self, change: Change) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// Takes from what is left; answers whether there was enough.
    fn take(&mut self, bytes: usize) -> bool {
        if let Some(left) = self.left.checked_sub(bytes) {
            self.left = left;
            return true;
        }
        self.note(Change::SizeLimitExceeded);
        false
    }

    /// Makes a value fit. What does not is left out; the recursion is as deep as events may be.
    fn fit(&mut self, value: &mut Value, depth: usize) -> Result<bool, TooDeep> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(self.take(SCALAR_BYTES)),
            Value::String(text) => {
                self.text(text);
                Ok(self.take(text.len() + AROUND))
            }
            Value::Array(_) | Value::Object(_) if depth > MAX_DEPTH => Err(TooDeep),
            Value::Array(items) => {
                let mut kept = 0;
                while kept < items.len() && self.fit(&mut items[kept], depth + 1)? {
                    kept += 1;
                }
                items.truncate(kept);
                Ok(true)
            }
            Value::Object(fields) => self.object(fields, depth).map(|()| true),
        }
    }

    fn object(&mut self, fields: &mut Map<String, Value>, depth: usize) -> Result<(), TooDeep> {
        if fields.keys().any(|name| name.contains('\0')) {
            self.note(Change::NulRemoved);
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(name, value)| (strip_nul(&name).into_owned(), value))
                .collect();
        }
        let mut kept = 0;
        for (name, value) in fields.iter_mut() {
            if !self.take(name.len() + AROUND) || !self.fit(value, depth + 1)? {
                break;
            }
            kept += 1;
        }
        if kept < fields.len() {
            *fields = std::mem::take(fields).into_iter().take(kept).collect();
        }
        Ok(())
    }

    fn text(&mut self, text: &mut String) {
        if text.contains('\0') {
            self.note(Change::NulRemoved);
            text.retain(|character| character != '\0');
        }
        if let Some(short) = truncated(text, MAX_STRING_CHARS) {
            self.note(Change::Truncated);
            *text = short;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::telemetry::model::MAX_EVENT_BYTES;

    fn cleaned(value: Value) -> (Value, Result<Vec<Change>, TooDeep>) {
        let Value::Object(mut fields) = value else {
            panic!("an object is cleaned")
        };
        let mut budget = MAX_EVENT_BYTES;
        let changes = clean(&mut fields, &mut budget);
        (Value::Object(fields), changes)
    }

    #[test]
    fn what_is_fine_is_left_alone() {
        let fine = json!({"total_tokens": 1200, "ok": true, "list": [1, "a", {"b": null}]});
        assert_eq!(cleaned(fine.clone()), (fine, Ok(vec![])));
    }

    #[test]
    fn secrets_go_and_numbers_of_tokens_stay() {
        let sent = json!({"apiKey": "k-1", "tokens": 7, "note": "password=hunter2x"});
        let kept = json!({"apiKey": "[redacted]", "tokens": 7, "note": "password=[redacted]"});
        assert_eq!(cleaned(sent), (kept, Ok(vec![Change::Redacted])));
    }

    #[test]
    fn a_long_string_is_cut_and_says_so() {
        let (kept, changes) = cleaned(json!({"text": "ä".repeat(12_000)}));
        let text = kept["text"].as_str().unwrap();
        assert!(text.starts_with("ää"));
        assert!(text.ends_with("ä... [truncated from 12000 chars]"));
        assert_eq!(text.chars().filter(|c| *c == 'ä').count(), MAX_STRING_CHARS);
        assert_eq!(changes, Ok(vec![Change::Truncated]));
    }

    #[test]
    fn what_goes_beyond_the_size_is_left_out_and_the_event_says_so() {
        let many: Vec<String> = (0..20)
            .map(|n| format!("{n}{}", "x".repeat(8_000)))
            .collect();
        let (kept, changes) = cleaned(json!({"first": 1, "many": many, "last": 2}));
        assert_eq!(kept["first"], 1);
        assert_eq!(kept["many"].as_array().unwrap().len(), 6);
        assert_eq!(kept[SIZE_LIMIT_EXCEEDED], true);
        assert_eq!(changes, Ok(vec![Change::SizeLimitExceeded]));
        assert!(kept.to_string().len() <= MAX_EVENT_BYTES + 100);
    }

    #[test]
    fn nul_goes_out_of_names_and_values() {
        let (kept, changes) = cleaned(json!({"a\0b": "c\0d"}));
        assert_eq!(kept, json!({"ab": "cd"}));
        assert_eq!(changes, Ok(vec![Change::NulRemoved]));
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let nested = |levels: usize| {
            let mut value = json!(1);
            for _ in 1..levels {
                value = json!([value]);
            }
            json!({"a": value})
        };
        assert_eq!(cleaned(nested(MAX_DEPTH)).1, Ok(vec![]));
        assert_eq!(cleaned(nested(MAX_DEPTH + 1)).1, Err(TooDeep));
    }
}
