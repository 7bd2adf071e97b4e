//! Sanitizes events for storage: removes secrets and NUL characters, and enforces size limits. Pure.

use serde_json::{Map, Value};

use crate::platform::json::strip_nul;
use crate::platform::redact::json::redact_json;
use crate::platform::redact::text::redact_text;
use crate::platform::text::first_chars;
use crate::telemetry::anonymize::without_home_folders;
use crate::telemetry::model::{EventChange, MAX_DEPTH, MAX_STRING_CHARS};

/// Marks an event whose data was cut; the name used by the version before this one.
const SIZE_LIMIT_EXCEEDED: &str = "_size_limit_exceeded";
/// Size of a number or a boolean, in bytes.
const SCALAR_BYTES: usize = 8;
/// Size of quotes and punctuation around a string, in bytes.
const PUNCTUATION_BYTES: usize = 3;

/// The event is nested too deeply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooDeep;

/// Sanitizes an object in place, within a budget of bytes. Returns the changes, each once.
///
/// Redacts before it truncates: a secret that is cut in the middle would not be recognised.
pub fn sanitize(
    fields: &mut Map<String, Value>,
    budget: &mut usize,
) -> Result<Vec<EventChange>, TooDeep> {
    let mut value = Value::Object(std::mem::take(fields));
    let mut sanitizer = Sanitizer {
        left: *budget,
        changes: Vec::new(),
    };
    if redact_json(&mut value) {
        sanitizer.note(EventChange::Redacted);
    }
    let fits = sanitizer.fit(&mut value, 1);
    if let Value::Object(object) = value {
        *fields = object;
    }
    fits?;
    if sanitizer.changes.contains(&EventChange::SizeLimitExceeded) {
        fields.insert(SIZE_LIMIT_EXCEEDED.to_owned(), Value::Bool(true));
    }
    *budget = sanitizer.left;
    Ok(sanitizer.changes)
}

/// Sanitizes a text: without secrets, home folders and NUL, not too long.
pub fn sanitize_text(text: &str) -> String {
    let clean = redact_text(text);
    let clean = without_home_folders(&clean);
    let clean = strip_nul(&clean);
    truncated(&clean, MAX_STRING_CHARS).unwrap_or_else(|| clean.into_owned())
}

/// Truncates a text, with a note in the words of the version before this one. None if it is short enough.
pub fn truncated(text: &str, max_chars: usize) -> Option<String> {
    let kept = first_chars(text, max_chars);
    (kept.len() < text.len()).then(|| {
        let count = text.chars().count();
        format!("{kept}... [truncated from {count} chars]")
    })
}

/// State of a walk over a value.
struct Sanitizer {
    left: usize,
    changes: Vec<EventChange>,
}

impl Sanitizer {
    fn note(&mut self, change: EventChange) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// Takes bytes from the budget. Returns false if too few are left.
    fn take(&mut self, bytes: usize) -> bool {
        if let Some(left) = self.left.checked_sub(bytes) {
            self.left = left;
            return true;
        }
        self.note(EventChange::SizeLimitExceeded);
        false
    }

    /// Sanitizes a value and drops what exceeds the budget. Recursion is bounded by `MAX_DEPTH`. Returns
    /// false if the value itself must be dropped.
    fn fit(&mut self, value: &mut Value, depth: usize) -> Result<bool, TooDeep> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(self.take(SCALAR_BYTES)),
            Value::String(text) => {
                self.text(text);
                Ok(self.take(text.len() + PUNCTUATION_BYTES))
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
            self.note(EventChange::NulRemoved);
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(name, value)| (strip_nul(&name).into_owned(), value))
                .collect();
        }
        let mut kept = 0;
        for (name, value) in fields.iter_mut() {
            if !self.take(name.len() + PUNCTUATION_BYTES) || !self.fit(value, depth + 1)? {
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
            self.note(EventChange::NulRemoved);
            text.retain(|character| character != '\0');
        }
        if let Some(short) = truncated(text, MAX_STRING_CHARS) {
            self.note(EventChange::Truncated);
            *text = short;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::telemetry::model::MAX_EVENT_BYTES;

    fn sanitized(value: Value) -> (Value, Result<Vec<EventChange>, TooDeep>) {
        let Value::Object(mut fields) = value else {
            panic!("an object is sanitized")
        };
        let mut budget = MAX_EVENT_BYTES;
        let changes = sanitize(&mut fields, &mut budget);
        (Value::Object(fields), changes)
    }

    #[test]
    fn what_is_fine_is_left_alone() {
        let fine = json!({"total_tokens": 1200, "ok": true, "list": [1, "a", {"b": null}]});
        assert_eq!(sanitized(fine.clone()), (fine, Ok(vec![])));
    }

    #[test]
    fn secrets_go_and_numbers_of_tokens_stay() {
        let sent = json!({"apiKey": "k-1", "tokens": 7, "note": "password=hunter2x"});
        let kept = json!({"apiKey": "[redacted]", "tokens": 7, "note": "password=[redacted]"});
        assert_eq!(sanitized(sent), (kept, Ok(vec![EventChange::Redacted])));
    }

    #[test]
    fn a_long_string_is_cut_and_says_so() {
        let (kept, changes) = sanitized(json!({"text": "ä".repeat(12_000)}));
        let text = kept["text"].as_str().unwrap();
        assert!(text.starts_with("ää"));
        assert!(text.ends_with("ä... [truncated from 12000 chars]"));
        assert_eq!(text.chars().filter(|c| *c == 'ä').count(), MAX_STRING_CHARS);
        assert_eq!(changes, Ok(vec![EventChange::Truncated]));
    }

    #[test]
    fn what_goes_beyond_the_size_is_left_out_and_the_event_says_so() {
        let many: Vec<String> = (0..20)
            .map(|n| format!("{n}{}", "x".repeat(8_000)))
            .collect();
        let (kept, changes) = sanitized(json!({"first": 1, "many": many, "last": 2}));
        assert_eq!(kept["first"], 1);
        assert_eq!(kept["many"].as_array().unwrap().len(), 6);
        assert_eq!(kept[SIZE_LIMIT_EXCEEDED], true);
        assert_eq!(changes, Ok(vec![EventChange::SizeLimitExceeded]));
        assert!(kept.to_string().len() <= MAX_EVENT_BYTES + 100);
    }

    #[test]
    fn nul_goes_out_of_names_and_values() {
        let (kept, changes) = sanitized(json!({"a\0b": "c\0d"}));
        assert_eq!(kept, json!({"ab": "cd"}));
        assert_eq!(changes, Ok(vec![EventChange::NulRemoved]));
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
        assert_eq!(sanitized(nested(MAX_DEPTH)).1, Ok(vec![]));
        assert_eq!(sanitized(nested(MAX_DEPTH + 1)).1, Err(TooDeep));
    }
}
