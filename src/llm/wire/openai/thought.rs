//! The reasoning of one answer, gathered for its return.

use serde_json::{Map, Value, json};

use crate::llm::wire::halves::joined;
use crate::llm::wire::openai::ways::{HandBack, Ways};

/// The most reasoning of one answer that is kept, in bytes. Of more nothing is: a part of it would be
/// refused like none.
const MAX_BYTES: usize = 1024 * 1024;
/// The most entries of `reasoning_details`.
const MAX_DETAILS: usize = 4_096;

/// The reasoning of a delta, or of a whole message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReasoningDelta<'a> {
    /// `reasoning_content`.
    pub content: Option<&'a str>,
    /// `reasoning`.
    pub reasoning: Option<&'a str>,
    /// `reasoning_details`.
    pub details: &'a [Value],
    /// True if the message is whole, so that its details are.
    pub is_whole: bool,
}

impl<'a> ReasoningDelta<'a> {
    /// The text of it and the field that it came in.
    fn text(&self) -> Option<(&'static str, &'a str)> {
        let content = self.content.map(|text| ("reasoning_content", text));
        content.or_else(|| self.reasoning.map(|text| ("reasoning", text)))
    }

    /// The text that people see.
    pub(super) fn shown(&self) -> String {
        match self.text() {
            Some((_, text)) => text.to_owned(),
            None => self.details.iter().filter_map(words).collect(),
        }
    }
}

/// The readable part of an entry of `reasoning_details`.
fn words(detail: &Value) -> Option<&str> {
    let text = detail["text"].as_str();
    text.or_else(|| detail["summary"].as_str())
}

/// The reasoning as it grows.
#[derive(Debug)]
pub(super) struct Thought {
    hands_back: HandBack,
    field: &'static str,
    text: String,
    details: Vec<Value>,
    bytes: usize,
}

impl Thought {
    /// No reasoning yet, of a model with these ways.
    pub(super) fn new(ways: &Ways) -> Self {
        Self {
            hands_back: ways.hands_back,
            field: "reasoning_content",
            text: String::new(),
            details: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes what came.
    pub(super) fn add(&mut self, piece: ReasoningDelta<'_>) {
        if self.hands_back == HandBack::Nothing {
            return;
        }
        if let Some((field, text)) = piece.text()
            && !text.is_empty()
        {
            self.field = field;
            self.bytes += text.len();
            if self.bytes <= MAX_BYTES {
                self.text.push_str(text);
            }
        }
        if matches!(self.hands_back, HandBack::Details | HandBack::AsItCame) {
            for detail in piece.details {
                self.detail(detail, piece.is_whole);
            }
        }
    }

    fn detail(&mut self, detail: &Value, is_whole: bool) {
        self.bytes += detail.to_string().len();
        if self.bytes > MAX_BYTES || self.details.len() >= MAX_DETAILS {
            self.bytes = MAX_BYTES + 1;
            return;
        }
        let last = self.details.last_mut();
        match last.filter(|last| !is_whole && goes_on(last, detail)) {
            Some(last) => grow(last, detail),
            None => self.details.push(detail.clone()),
        }
    }

    /// The part of the replay that this is; empty when nothing came, or too much.
    pub(super) fn for_return(&mut self) -> Map<String, Value> {
        let mut kept = Map::new();
        if self.bytes > MAX_BYTES {
            return kept;
        }
        if !self.text.is_empty() {
            kept.insert(self.field.to_owned(), json!(joined(&self.text)));
        }
        if !self.details.is_empty() {
            let mut details = std::mem::take(&mut self.details);
            details.iter_mut().for_each(mend);
            kept.insert("reasoning_details".to_owned(), Value::Array(details));
        }
        kept
    }
}

/// True if a detail is the next piece of the one before it. What is encrypted comes whole.
fn goes_on(last: &Value, detail: &Value) -> bool {
    let same = |key: &str| last[key] == detail[key];
    let is_text = matches!(
        detail["type"].as_str(),
        Some("reasoning.text" | "reasoning.summary")
    );
    let id_fits = detail["id"].is_null() || last["id"].is_null() || same("id");
    is_text && same("type") && same("index") && id_fits
}

/// Texts grow; `MiniMax` repeats them from the beginning. What else is said later counts.
fn grow(last: &mut Value, detail: &Value) {
    let repeats = detail["format"]
        .as_str()
        .is_some_and(|format| format.starts_with("MiniMax"));
    for (name, value) in detail.as_object().into_iter().flatten() {
        let known = last[name.as_str()].as_str().unwrap_or_default();
        let next = match (name.as_str(), value.as_str()) {
            (_, None) if value.is_null() => continue,
            ("text" | "summary", Some(more)) if repeats && more.starts_with(known) => json!(more),
            ("text" | "summary", Some(more)) => json!(format!("{known}{more}")),
            (_, _) => value.clone(),
        };
        last[name.as_str()] = next;
    }
}

/// Joins characters that came in halves.
fn mend(detail: &mut Value) {
    for name in ["text", "summary"] {
        if let Some(text) = detail[name].as_str() {
            detail[name] = json!(joined(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::openai::dialect::Dialect;

    fn thought(dialect: Dialect) -> Thought {
        Thought::new(dialect.ways("m"))
    }

    fn details(pieces: &[Value]) -> Value {
        let mut thought = thought(Dialect::OPENROUTER);
        for piece in pieces {
            thought.add(ReasoningDelta {
                details: std::slice::from_ref(piece),
                ..ReasoningDelta::default()
            });
        }
        Value::Object(thought.for_return())["reasoning_details"].clone()
    }

    #[test]
    fn the_pieces_of_a_signed_text_are_one_entry_again() {
        let entry = |text: Option<&str>, signature: Option<&str>| {
            json!({"type": "reasoning.text", "text": text, "signature": signature,
                   "format": "anthropic-claude-v1", "index": 0})
        };
        let pieces = [
            entry(Some("First "), None),
            entry(Some("second."), None),
            entry(None, Some("c2ln")),
        ];
        assert_eq!(
            details(&pieces),
            json!([entry(Some("First second."), Some("c2ln"))])
        );
    }

    #[test]
    fn encrypted_entries_stay_apart_and_as_they_came() {
        let entry = |id: &str, data: &str| {
            json!({"type": "reasoning.encrypted", "data": data, "id": id,
                   "format": "google-gemini-v1", "index": 0})
        };
        let pieces = [entry("tool_a", "QUFB"), entry("tool_b", "QkJC")];
        assert_eq!(details(&pieces), json!(pieces));
    }

    #[test]
    fn a_text_that_is_repeated_from_its_beginning_is_kept_once() {
        let entry = |text: &str| {
            json!({"type": "reasoning.text", "text": text, "index": 0,
                   "format": "MiniMax-response-v1"})
        };
        assert_eq!(
            details(&[entry("I "), entry("I look")]),
            json!([entry("I look")])
        );
    }

    #[test]
    fn whole_details_are_not_joined() {
        let entry = json!({"type": "reasoning.text", "text": "a"});
        let pieces = [entry.clone(), entry];
        let mut thought = thought(Dialect::OPENROUTER);
        thought.add(ReasoningDelta {
            details: &pieces,
            is_whole: true,
            ..ReasoningDelta::default()
        });
        assert_eq!(thought.for_return()["reasoning_details"], json!(pieces));
    }

    #[test]
    fn endless_reasoning_is_not_kept_and_neither_is_what_never_goes_back() {
        let long = "x".repeat(MAX_BYTES);
        let piece = |text| ReasoningDelta {
            content: Some(text),
            ..ReasoningDelta::default()
        };
        let mut kept = thought(Dialect::SELF_HOSTED);
        kept.add(piece(&long));
        assert_eq!(
            kept.for_return()["reasoning_content"]
                .as_str()
                .unwrap()
                .len(),
            MAX_BYTES
        );
        kept.add(piece("y"));
        assert!(kept.for_return().is_empty());
        let mut never = thought(Dialect::GROQ);
        never.add(piece("y"));
        assert!(never.for_return().is_empty());
    }
}
