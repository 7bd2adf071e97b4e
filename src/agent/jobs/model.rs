//! A job as its owner sees it.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::agent::model::{ConversationId, RunId, RunKind, RunStatus};
use crate::platform::ids::OrgId;

/// The largest metadata of a job, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 16 * 1024;

/// A run as a row of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The run.
    pub id: RunId,
    /// How it was asked for.
    pub kind: RunKind,
    /// Where it stands.
    pub status: RunStatus,
    /// What it is busy with.
    pub phase: Option<String>,
    /// What was asked.
    pub task: String,
    /// The folder it works in.
    pub workspace_path: Option<String>,
    /// The conversation it belongs to.
    pub conversation_id: Option<ConversationId>,
    /// Who serves its model.
    pub provider: String,
    /// Its model.
    pub model: String,
    /// What its client noted about it.
    pub metadata: Option<Value>,
    /// Where its log ends.
    pub last_sequence: i64,
    /// What went wrong.
    pub error: Option<String>,
    /// How it ended.
    pub summary: Option<Value>,
    /// How often it was taken over from a process that was lost.
    pub takeovers: i32,
    /// Whether its user wants it to end.
    pub cancel_requested: bool,
    /// Whether it waits to be started, and not only for its turn.
    pub is_held_back: bool,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it last moved.
    pub updated_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What a stream has to know of a run before it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobHead {
    /// Whose run.
    pub org_id: OrgId,
    /// The run.
    pub run_id: RunId,
    /// How it was asked for.
    pub kind: RunKind,
    /// Where its log ends.
    pub last_sequence: i64,
}

/// What a job waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Pending {
    /// A consent, as it was asked.
    Consent(Value),
    /// An answer to a question, as it was asked.
    Prompt(Value),
}

/// What came of wanting a job to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nudged {
    /// It goes on.
    Started,
    /// It was going on already, or waits for its turn.
    Already(&'static str),
}
