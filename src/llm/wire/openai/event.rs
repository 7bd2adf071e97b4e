//! The chunks of Chat Completions.

use serde::Deserialize;
use serde_json::Value;

/// A chunk of a stream, or a whole answer: they differ in `delta` and `message` alone.
#[derive(Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    pub choices: Option<Vec<Choice>>,
    #[serde(default)]
    pub usage: Value,
    /// Where Groq puts the usage.
    #[serde(default)]
    pub x_groq: Value,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub error: Value,
    /// `error` when older servers send their errors without a wrapper.
    #[serde(default)]
    pub object: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub index: u64,
    #[serde(default)]
    pub delta: Option<Delta>,
    #[serde(default)]
    pub message: Option<Delta>,
    #[serde(default)]
    pub finish_reason: Option<String>,
    /// The words of the model's own provider, behind a gateway.
    #[serde(default)]
    pub native_finish_reason: Option<String>,
    /// Where `OpenRouter` puts the failure of an answer that had begun.
    #[serde(default)]
    pub error: Value,
}

#[derive(Deserialize)]
pub(super) struct Delta {
    #[serde(default)]
    pub content: Value,
    #[serde(default)]
    pub refusal: Option<String>,
    #[serde(default)]
    pub reasoning_content: Value,
    /// Another name for the same.
    #[serde(default)]
    pub reasoning: Value,
    /// The same with its signatures, and encrypted where it is not shown.
    #[serde(default)]
    pub reasoning_details: Value,
    #[serde(default)]
    pub tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
pub(super) struct CallDelta {
    /// A number, mostly.
    #[serde(default)]
    pub index: Value,
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub function: Option<FunctionDelta>,
    /// Data that Gemini wants back with the call, its signature.
    #[serde(default)]
    pub extra_content: Value,
}

#[derive(Default, Deserialize)]
pub(super) struct FunctionDelta {
    #[serde(default)]
    pub name: Option<String>,
    /// Text; an object with servers that have not read the specification.
    #[serde(default)]
    pub arguments: Value,
}
