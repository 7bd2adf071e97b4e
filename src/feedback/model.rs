//! A generation: one answer of the agent that its owner can rate.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::feedback::traits::Trait;
use crate::platform::ids::{OrgId, TeamId, UserId};
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

/// What kind of work was asked for; narrower than [`TaskType`], and read from the words of the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Something broken was to be mended.
    Fix,
    /// Something new was to be made.
    Feature,
    /// Code was to be put into better shape.
    Refactor,
    /// Tests were to be written.
    Test,
    /// Documentation was to be written.
    Docs,
    /// Something was to be explained or examined.
    Explain,
    /// Anything else.
    General,
}

impl Category {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 7] = [
        Self::Test,
        Self::Docs,
        Self::Refactor,
        Self::Fix,
        Self::Explain,
        Self::Feature,
        Self::General,
    ];

    /// The name, as rows and answers carry it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Feature => "feature",
            Self::Refactor => "refactor",
            Self::Test => "test",
            Self::Docs => "docs",
            Self::Explain => "explain",
            Self::General => "general",
        }
    }

    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Fix => &[
                "fix", "bug", "broken", "error", "crash", "fails", "failing", "mend", "repair",
            ],
            Self::Feature => &[
                "add",
                "implement",
                "create",
                "build",
                "write",
                "support",
                "make",
            ],
            Self::Refactor => &[
                "refactor",
                "rename",
                "simplify",
                "clean",
                "extract",
                "restructure",
            ],
            Self::Test => &["test", "tests", "coverage", "spec"],
            Self::Docs => &[
                "document",
                "documentation",
                "docs",
                "readme",
                "docstring",
                "comment",
            ],
            Self::Explain => &[
                "explain", "why", "what", "how", "review", "analyse", "analyze", "describe",
            ],
            Self::General => &[],
        }
    }

    /// The category of a task, by the earliest word that tells one.
    pub fn of(task: &str) -> Self {
        let words = task.split(|c: char| !c.is_alphanumeric());
        words
            .take(CATEGORY_WORDS)
            .map(str::to_lowercase)
            .find_map(|word| {
                let mut all = Self::ALL.into_iter();
                all.find(|category| category.words().contains(&word.as_str()))
            })
            .unwrap_or(Self::General)
    }
}

/// How many words of a task are looked at to tell its category.
const CATEGORY_WORDS: usize = 100;

/// What an owner says of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rating {
    /// They reject it.
    Down,
    /// They take back what they said.
    Withdrawn,
    /// They accept it.
    Up,
}

impl Rating {
    /// -1, 0 or 1, as clients send it and rows hold it.
    pub fn number(self) -> i16 {
        match self {
            Self::Down => -1,
            Self::Withdrawn => 0,
            Self::Up => 1,
        }
    }

    /// The rating with this number; none beyond -1 to 1.
    pub fn of(number: i64) -> Option<Self> {
        match number {
            -1 => Some(Self::Down),
            0 => Some(Self::Withdrawn),
            1 => Some(Self::Up),
            _ => None,
        }
    }
}

/// What happened to an answer, beside what its owner says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// The files it changed were left as it made them.
    Kept,
    /// They were changed further.
    Edited,
    /// They were put back as they were before.
    Reverted,
    /// The project's checks passed afterwards.
    TestsPassed,
    /// They failed.
    TestsFailed,
    /// The same was asked again soon afterwards.
    Retried,
    /// Something it wanted to do was denied.
    ApprovalDenied,
}

impl Signal {
    /// The value of `ai_feedback_signals.signal`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Edited => "edited",
            Self::Reverted => "reverted",
            Self::TestsPassed => "tests_passed",
            Self::TestsFailed => "tests_failed",
            Self::Retried => "retried",
            Self::ApprovalDenied => "approval_denied",
        }
    }
}

/// Who saw a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalSource {
    /// The run that gave the answer, or the next one.
    Run,
    /// Whoever looked at the workspace later.
    Workspace,
    /// The client, on behalf of the answer's owner.
    Client,
}

impl SignalSource {
    /// The value of `ai_feedback_signals.source`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Workspace => "workspace",
            Self::Client => "client",
        }
    }
}

/// What the checks said of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// They passed.
    Passed,
    /// They failed.
    Failed,
    /// None ran.
    NotRun,
}

impl Verified {
    /// The value of `ai_generation_log.verification`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotRun => "not_run",
        }
    }
}

/// An insight: its `id` within the organisation.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct InsightId(pub i64);

/// Which insights had a part in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Exposure {
    /// Those that stood in its prompt.
    pub applied: Vec<InsightId>,
    /// Those that applied, and that chance left out.
    pub held_out: Vec<InsightId>,
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
    /// The team of whoever asked.
    pub team_id: Option<TeamId>,
    /// The conversation it belongs to.
    pub session_id: Option<String>,
    /// What kind of work it was.
    pub category: Category,
    /// The language most of it is in.
    pub language: Option<&'static str>,
    /// What was said at the end.
    pub answer: String,
    /// What it was like.
    pub traits: BTreeSet<Trait>,
    /// What the checks said.
    pub verification: Option<Verified>,
    /// Which insights had a part in it.
    pub exposure: Exposure,
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
