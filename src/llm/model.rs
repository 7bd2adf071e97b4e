//! Requests to models and their answers, whatever the provider is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::llm::effort::{Effort, Verbosity};
use crate::llm::wire::verbatim;
use crate::platform::json::mended;
use crate::platform::traces::gen_ai::TokenCounts;

/// One question to a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The provider's own name of the model.
    pub model: String,
    /// The instructions that stand before the conversation; byte-stable within a run so that the
    /// provider's prompt cache can keep them.
    pub system: String,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// The tools the model may call; the order is kept, for the same reason.
    pub tools: Arc<[ToolSpec]>,
    /// At most this many tokens of answer.
    pub max_output_tokens: Option<u32>,
    /// Sampling temperature; the provider's default when absent.
    pub temperature: Option<f32>,
    /// The amount of reasoning before the answer; the provider's default when absent.
    pub effort: Option<Effort>,
    /// The length of the answer; the provider's default when absent.
    pub verbosity: Option<Verbosity>,
}

/// One entry of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// Instructions in the middle of a conversation; codecs place them where their provider allows.
    System {
        /// The instruction.
        text: String,
    },
    /// A message of the user.
    User {
        /// Text and images, in order.
        content: Vec<Part>,
    },
    /// An answer of the model.
    Assistant {
        /// Its text; may be empty when it only called tools.
        text: String,
        /// The calls it asked for, in order.
        tool_calls: Vec<ToolCall>,
        /// Data that the provider wants back unchanged with this turn; see [`Replay`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replay: Option<Replay>,
    },
    /// A tool's result for a call of the assistant message before.
    ToolResult {
        /// The call this answers.
        call_id: String,
        /// The result as the model reads it.
        content: String,
        /// True if the call failed.
        is_error: bool,
    },
}

impl Message {
    /// A user message of text alone.
    pub fn user(text: impl Into<String>) -> Self {
        Self::User {
            content: vec![Part::Text { text: text.into() }],
        }
    }
}

/// A provider's own record of an assistant turn: signed reasoning that belongs in front of its tool
/// calls. Current Claude and Gemini models refuse or degrade a tool loop that does not return it.
///
/// It is opaque, goes back only to the provider and model it came from, and is bound to the conversation
/// before it: a rewrite of that (compaction) sets the `replay` of every later turn to `None`. Without it the
/// turn is built from its text and calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// The provider it came from.
    pub provider: String,
    /// The model that was asked, by the provider's name for it.
    pub model: String,
    /// The record, in the provider's own format.
    #[serde(with = "verbatim")]
    pub content: Value,
}

/// A part of a user message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// An image.
    Image {
        /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
        media_type: String,
        /// The image in base64, without a data URL's prefix.
        data: String,
    },
}

/// A tool the model may call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolSpec {
    /// The name the model calls it by.
    pub name: &'static str,
    /// Its purpose, for the model.
    pub description: &'static str,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// A tool call as the model asked for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id of the call; results refer to it.
    pub id: String,
    /// The tool's name; may be one that does not exist.
    pub name: String,
    /// Its arguments.
    pub arguments: Arguments,
}

/// The arguments of a tool call: a JSON object, or what came instead of one.
///
/// A call whose arguments do not parse is told to the model and never run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Arguments {
    /// A JSON object.
    Object {
        /// The object.
        #[serde(with = "verbatim")]
        object: Map<String, Value>,
    },
    /// Text that is no JSON object.
    Invalid {
        /// The text as it came.
        raw: String,
        /// Why it is refused.
        reason: String,
    },
}

impl Arguments {
    /// Reads the text a provider sent; an empty text means no arguments.
    pub fn parse(raw: &str) -> Self {
        if raw.trim().is_empty() {
            return Self::Object { object: Map::new() };
        }
        // A model that cuts a text through a character writes half of it.
        match serde_json::from_slice::<Map<String, Value>>(&mended(raw.as_bytes())) {
            Ok(object) => Self::Object { object },
            Err(error) => Self::Invalid {
                raw: raw.to_owned(),
                reason: error.to_string(),
            },
        }
    }
}

/// One event of a model's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// A piece of text.
    Text {
        /// The piece.
        delta: String,
    },
    /// A piece of the model's visible reasoning.
    Reasoning {
        /// The piece.
        delta: String,
    },
    /// A call, emitted once and whole.
    ToolCall(ToolCall),
    /// The answer is complete. Always the last event; a stream without it was cut off.
    Done(Completion),
}

/// The end of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Why the model stopped.
    pub stop: StopReason,
    /// The provider's token counts, when it sent them.
    pub usage: Option<Usage>,
    /// The model the provider says it used.
    pub model: Option<String>,
    /// The replay that belongs into the assistant message made from this answer.
    pub replay: Option<Replay>,
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It was done.
    End,
    /// It waits for the results of its tool calls.
    ToolCalls,
    /// It ran into the limit of output tokens; the answer is cut off.
    MaxTokens,
    /// The provider withheld the answer.
    Refused,
}

impl StopReason {
    /// The reason in the words that most providers use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::End => "stop",
            Self::ToolCalls => "tool_calls",
            Self::MaxTokens => "length",
            Self::Refused => "content_filter",
        }
    }
}

/// Tokens of one call.
///
/// Normalised over providers: `input` includes what was read from and written to the provider's
/// cache, and `output` includes reasoning, so `cache_read + cache_write <= input` and
/// `reasoning <= output` hold for every provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All input tokens.
    pub input: u64,
    /// Input tokens read from the provider's cache.
    pub cache_read: u64,
    /// Input tokens written to the provider's cache.
    pub cache_write: u64,
    /// All output tokens.
    pub output: u64,
    /// Output tokens spent on reasoning.
    pub reasoning: u64,
}

impl From<Usage> for TokenCounts {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            output: usage.output,
            reasoning: usage.reasoning,
        }
    }
}

impl Usage {
    /// Input and output together.
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// True if these counts were measured. A prompt was read in any case, and what was answered was
    /// written: a zero beside it stands where a number should.
    pub fn is_measured(self, has_answered: bool) -> bool {
        self.input > 0 && (self.output > 0 || !has_answered)
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.output = self.output.saturating_add(other.output);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The same with its members in the order in which a `jsonb` column keeps them.
    fn sorted(value: Value) -> Value {
        match value {
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.into_iter().collect();
                fields.sort_by_key(|(name, _)| (name.len(), name.clone()));
                let fields = fields.into_iter();
                Value::Object(fields.map(|(name, value)| (name, sorted(value))).collect())
            }
            Value::Array(items) => items.into_iter().map(sorted).collect(),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
        }
    }

    #[test]
    fn a_turn_that_was_kept_is_the_same_to_the_byte() {
        let content = json!({"reasoning_details": [{"type": "reasoning.text", "text": "I look.", "index": 0}]});
        let message = Message::Assistant {
            text: String::new(),
            tool_calls: vec![ToolCall {
                id: "a".to_owned(),
                name: "edit_file".to_owned(),
                arguments: Arguments::parse(r#"{"path": "a", "old_text": "b", "by": "c"}"#),
            }],
            replay: Some(Replay {
                provider: "openrouter".to_owned(),
                model: "m".to_owned(),
                content,
            }),
        };
        let kept = sorted(serde_json::to_value(&message).unwrap());
        let back: Message = serde_json::from_value(kept).unwrap();
        assert_eq!(format!("{back:?}"), format!("{message:?}"));
    }

    #[test]
    fn what_an_older_version_kept_is_read() {
        let kept = json!({
            "role": "assistant", "text": "",
            "tool_calls": [{"id": "a", "name": "n", "arguments": {"kind": "object", "object": {"path": "x"}}}],
            "replay": {"provider": "google", "model": "m", "content": {"a": {"google": {}}}},
        });
        let Message::Assistant {
            tool_calls, replay, ..
        } = serde_json::from_value(kept).unwrap()
        else {
            panic!("another role");
        };
        assert_eq!(
            tool_calls[0].arguments,
            Arguments::parse(r#"{"path": "x"}"#)
        );
        assert_eq!(replay.unwrap().content, json!({"a": {"google": {}}}));
    }
}
