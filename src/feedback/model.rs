//! Generations: answers of the agent that their owners can rate.

use std::collections::BTreeSet;
use std::num::ParseIntError;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::feedback::traits::Trait;
use crate::platform::ids::{OrgId, TeamId, UserId};
use crate::platform::logging::TraceId;

/// Type of a task; ratings are compared within a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskType {
    /// Change of code.
    Codegen,
    /// Summary.
    Summarize,
    /// Answer to a question.
    Chat,
    /// Analysis of code.
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

/// A SHA-256 in lower-case hexadecimal. It identifies a text without storing it.
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

/// Category of work; narrower than [`TaskType`], and read from the words of the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Bug fix.
    Fix,
    /// New feature.
    Feature,
    /// Refactoring.
    Refactor,
    /// Tests.
    Test,
    /// Documentation.
    Docs,
    /// Explanation or review.
    Explain,
    /// Other work.
    General,
}

impl Category {
    /// All categories, the narrowest first.
    pub const ALL: [Self; 7] = [
        Self::Test,
        Self::Docs,
        Self::Refactor,
        Self::Fix,
        Self::Explain,
        Self::Feature,
        Self::General,
    ];

    /// The name in rows and answers.
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

    /// The category of a task, by its earliest keyword.
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

/// Words of a task that are searched for keywords.
const CATEGORY_WORDS: usize = 100;

/// Rating of an answer by its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rating {
    /// Rejected.
    Down,
    /// Rating withdrawn.
    Withdrawn,
    /// Accepted.
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

    /// The rating with this number; none outside -1 to 1.
    pub fn of(number: i64) -> Option<Self> {
        match number {
            -1 => Some(Self::Down),
            0 => Some(Self::Withdrawn),
            1 => Some(Self::Up),
            _ => None,
        }
    }
}

/// Implicit feedback on an answer, beside its rating.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeedbackSignal {
    /// The changed files were left as the run wrote them.
    Kept,
    /// The files were edited further.
    Edited,
    /// The changes were reverted.
    Reverted,
    /// The project's checks passed afterwards.
    TestsPassed,
    /// The checks failed.
    TestsFailed,
    /// The same request was repeated soon afterwards.
    Retried,
    /// An action of the run was denied.
    ApprovalDenied,
}

impl FeedbackSignal {
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

/// Observer of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalSource {
    /// The run that gave the answer, or the next one.
    Run,
    /// A later look at the workspace.
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

/// Result of the checks on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerificationResult {
    /// The checks passed.
    Passed,
    /// The checks failed.
    Failed,
    /// No check ran.
    NotRun,
}

impl VerificationResult {
    /// The value of `ai_generation_log.verification`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotRun => "not_run",
        }
    }
}

/// Identifier of an insight within the organisation.
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

impl FromStr for InsightId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

/// Insights that applied to an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Exposure {
    /// Insights in its prompt.
    pub applied: Vec<InsightId>,
    /// Insights held out of its prompt by chance.
    pub held_out: Vec<InsightId>,
}

/// One answer of the agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// Organisation.
    pub org_id: OrgId,
    /// Owner, the only user who may rate it.
    pub user_id: UserId,
    /// Task type.
    pub task_type: TaskType,
    /// Hash of the request; a repeated request has the same.
    pub input_fingerprint: Option<Sha256Hex>,
    /// Model that answered.
    pub model: String,
    /// Temperature; absent if the provider's default was used.
    pub temperature: Option<f32>,
    /// Other parameters, for the analyzer: a JSON object.
    pub params: Value,
    /// Hash of the whole prompt.
    pub prompt_hash: Sha256Hex,
    /// Run that gave the answer.
    pub result_ref: Option<String>,
    /// Team of the owner.
    pub team_id: Option<TeamId>,
    /// Conversation it belongs to.
    pub session_id: Option<String>,
    /// Category of the work.
    pub category: Category,
    /// Language of most of its code.
    pub language: Option<&'static str>,
    /// Final text.
    pub answer: String,
    /// Traits.
    pub traits: BTreeSet<Trait>,
    /// Result of the checks.
    pub verification: Option<VerificationResult>,
    /// Insights that applied.
    pub exposure: Exposure,
    /// Trace of the request.
    pub trace_id: Option<TraceId>,
    /// Time of the answer.
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
