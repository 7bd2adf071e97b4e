//! An item of an answer as it grows.

use serde_json::Value;

use crate::llm::wire::halves::joined;

/// The kind of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    /// Text, or a refusal to give one.
    Message,
    /// Reasoning.
    Reasoning,
    /// A call of a tool that was offered.
    Call,
    /// Anything else, such as a call of a tool of the server's own.
    Foreign,
}

/// An item.
#[derive(Debug)]
pub(super) struct AnswerItem {
    pub(super) kind: ItemKind,
    /// The position that the server gave it.
    pub(super) index: Option<u64>,
    /// The item as it came last.
    pub(super) value: Value,
    /// The text that was handed out of it so far.
    pub(super) said: String,
    /// The arguments of a call as they grow.
    pub(super) arguments: String,
    pub(super) is_done: bool,
}

impl AnswerItem {
    pub(super) fn new(value: Value, index: Option<u64>) -> Self {
        let kind = match value["type"].as_str() {
            Some("message") => ItemKind::Message,
            Some("reasoning") => ItemKind::Reasoning,
            Some("function_call") => ItemKind::Call,
            Some(_) | None => ItemKind::Foreign,
        };
        let arguments = written(&value["arguments"]).unwrap_or_default();
        Self {
            kind,
            index,
            value,
            said: String::new(),
            arguments,
            is_done: false,
        }
    }

    /// The item's own id; empty when it has none.
    pub(super) fn id(&self) -> &str {
        self.value["id"].as_str().unwrap_or_default()
    }

    /// The id of the call, which results refer to; empty when it has none.
    pub(super) fn call_id(&self) -> &str {
        self.value["call_id"].as_str().unwrap_or_default()
    }

    /// The whole text of the item, or of its summary.
    pub(super) fn text(&self) -> String {
        let texts = |member: &str| -> Vec<&str> {
            let parts = self.value[member].as_array();
            let parts = parts.into_iter().flatten();
            parts
                .filter_map(|part| part["text"].as_str().or(part["refusal"].as_str()))
                .collect()
        };
        let text = match self.kind {
            ItemKind::Message => texts("content").concat(),
            ItemKind::Reasoning => match texts("summary") {
                summary if summary.is_empty() => texts("content").concat(),
                summary => summary.join("\n\n"),
            },
            ItemKind::Call | ItemKind::Foreign => String::new(),
        };
        joined(&text).into_owned()
    }

    /// True if the model refuses in this item.
    pub(super) fn refuses(&self) -> bool {
        let parts = self.value["content"].as_array();
        let mut parts = parts.into_iter().flatten();
        self.kind == ItemKind::Message && parts.any(|part| part["type"] == "refusal")
    }

    /// Takes the item as it is at its end.
    pub(super) fn finish(&mut self, value: Value) {
        if let Some(arguments) = written(&value["arguments"])
            && !arguments.trim().is_empty()
        {
            self.arguments = arguments;
        }
        let call_id = self.value["call_id"].take();
        self.value = value;
        if self.value["call_id"].is_null() && call_id.is_string() {
            self.value["call_id"] = call_id;
        }
        self.is_done = true;
    }
}

/// Arguments as text; some servers send the object.
pub(super) fn written(arguments: &Value) -> Option<String> {
    match arguments {
        Value::String(text) => Some(text.clone()),
        Value::Object(_) => Some(arguments.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}
