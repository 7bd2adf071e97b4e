//! A generation: one answer of the agent that its owner can rate.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::platform::ids::{OrgId, UserId};
use crate::platform::logging::TraceId;

/// What kind of answer was asked for; ratings are compared within a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskType {
    /// Code was to be changed.
    Codegen,
    /// Something was to be summarised.
    Summarize,
    /// A question was to be answered.
    Chat,
    /// Something was to be examined.
    Analysis,
}

impl TaskType {
    /// The value of `ai_generation_log.task_type`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Codegen => "codegen",
            Self::Summarize => "summarize",
            Self::Chat => "chat",
            Self::Analysis => "analysis",
        }
    }
}

/// A SHA-256 in lower-case hexadecimal: it tells whether two texts are the same without keeping
/// either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// The hash of a text.
    pub fn of(text: &str) -> Self {
        let hex = Sha256::digest(text.as_bytes())
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|digit| char::from_digit(u32::from(digit), 16))
            .collect();
        Self(hex)
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One answer of the agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// Whose.
    pub org_id: OrgId,
    /// Who asked, the only one who may rate it.
    pub user_id: UserId,
    /// What was asked for.
    pub task_type: TaskType,
    /// What was asked, hashed: the same question again has the same fingerprint.
    pub input_fingerprint: Option<Sha256Hex>,
    /// The model that answered.
    pub model: String,
    /// The temperature that was set; absent when the provider's default was used.
    pub temperature: Option<f32>,
    /// What else was set, for the analyzer: a JSON object.
    pub params: Value,
    /// The whole prompt, hashed.
    pub prompt_hash: Sha256Hex,
    /// The run that made it.
    pub result_ref: Option<String>,
    /// The trace of the request that asked for it.
    pub trace_id: Option<TraceId>,
    /// When.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::Sha256Hex;

    #[test]
    fn the_hash_is_the_known_one() {
        insta::assert_snapshot!(
            Sha256Hex::of("abc").as_str(),
            @"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
