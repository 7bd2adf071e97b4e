//! A script: what the scripted provider answers, turn by turn.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::llm::error::LlmError;
use crate::llm::model::Usage;

/// The words and actions of a scripted model. Written as JSON; everything but `turns` may be left out.
///
/// ```json
/// {
///   "plan": "{\"steps\": []}",
///   "answers": {"Say hello": "Hello."},
///   "turns": [
///     {"say": ["I look ", "first."], "calls": [{"name": "read_file", "arguments": {"path": "a.rs"}}]},
///     {"say": ["Done."], "usage": {"input": 900, "cache_read": 800, "cache_write": 0, "output": 20, "reasoning": 0}}
///   ],
///   "closing": "The script is over."
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The answer to requests without tools (the planner's is one). Without it such requests play turns like
    /// all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Answers to requests without tools whose last message holds one of these texts; they go before
    /// `plan`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, String>,
    /// The turns, in order.
    pub turns: Vec<Turn>,
    /// The answer when all turns are played.
    #[serde(default = "closing")]
    pub closing: String,
}

/// One turn: text, calls, or a failure after the text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Reasoning that comes first, in pieces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reason: Vec<String>,
    /// The text, in pieces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub say: Vec<String>,
    /// The calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ScriptedCall>,
    /// A failure in place of the turn's end; before the first event when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<Fail>,
    /// A pause before every piece, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// The tokens that are reported; counted from the texts when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Reports no tokens at all, as some servers do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub omit_usage: bool,
    /// Ends as if the limit of output tokens were reached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
}

/// A tool call of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    /// The tool's name.
    pub name: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// Arguments as raw text, for calls whose arguments do not parse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_arguments: Option<String>,
}

/// A failure of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// The kind of failure.
    pub kind: FailKind,
    /// The value of `Retry-After`, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The number of failures before the turn succeeds, counted over all requests of the provider; always
    /// when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// Kinds of failure: each kind of [`LlmError`], and silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailKind {
    /// 429.
    RateLimited,
    /// 529.
    Unavailable,
    /// The connection broke.
    Network,
    /// Nothing arrived within the limit.
    TimedOut,
    /// 401.
    Unauthorized,
    /// The account is empty.
    QuotaExhausted,
    /// The conversation is too long.
    ContextTooLong,
    /// 404.
    UnknownModel,
    /// 400.
    Rejected,
    /// The provider could not read what its model wrote.
    Botched,
    /// The protocol was broken.
    Protocol,
    /// The stream ended without its last event.
    Truncated,
    /// Nothing comes, ever.
    Hang,
}

impl Fail {
    /// The error; `None` for silence.
    pub(super) fn error(self, provider: &'static str, model: &str) -> Option<LlmError> {
        let retry_after = self.retry_after_ms.map(std::time::Duration::from_millis);
        Some(match self.kind {
            FailKind::RateLimited => LlmError::RateLimited {
                provider,
                retry_after,
                reason: String::new(),
            },
            FailKind::Unavailable => LlmError::Unavailable {
                provider,
                status: 529,
                retry_after,
                reason: String::new(),
            },
            FailKind::Network => LlmError::Network {
                provider,
                reason: format!(
                    "the connection to `{provider}` failed: the script breaks the connection"
                ),
            },
            FailKind::TimedOut => LlmError::TimedOut {
                provider,
                waited: std::time::Duration::from_secs(1),
            },
            FailKind::Unauthorized => LlmError::Unauthorized {
                provider,
                status: 401,
            },
            FailKind::QuotaExhausted => LlmError::QuotaExhausted { provider },
            FailKind::ContextTooLong => LlmError::ContextTooLong {
                provider,
                window: None,
            },
            FailKind::UnknownModel => LlmError::UnknownModel {
                provider,
                model: model.to_owned(),
            },
            FailKind::Rejected => LlmError::Rejected {
                provider,
                status: 400,
                reason: "the script rejects the request".to_owned(),
            },
            FailKind::Botched => LlmError::Botched {
                provider,
                reason: "the script botches a call".to_owned(),
            },
            FailKind::Protocol => LlmError::Protocol {
                provider,
                reason: "the script breaks the protocol".to_owned(),
            },
            FailKind::Truncated => LlmError::Truncated { provider },
            FailKind::Hang => return None,
        })
    }
}

impl Default for Script {
    /// No turns: every request gets the closing text.
    fn default() -> Self {
        Self {
            plan: None,
            answers: BTreeMap::new(),
            turns: Vec::new(),
            closing: closing(),
        }
    }
}

impl Script {
    /// Reads the script in a file, or says why it cannot be read.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        Self::from_json(&text).map_err(|error| error.to_string())
    }

    /// Reads a script from JSON.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

fn closing() -> String {
    "The script is over.".to_owned()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
