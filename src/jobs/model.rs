//! Jobs as their owners see them.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::platform::ids::{ConversationId, RunId};
use crate::runs::model::{RunKind, RunStatus};

/// The largest metadata of a job, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 16 * 1024;

/// A run as a row of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The run.
    pub id: RunId,
    /// Interactive or in the background.
    pub kind: RunKind,
    /// Its status.
    pub status: RunStatus,
    /// Its phase, as its last `status` event said.
    pub phase: Option<String>,
    /// The message.
    pub task: String,
    /// The folder it works in.
    pub workspace_path: Option<String>,
    /// The conversation it belongs to.
    pub conversation_id: Option<ConversationId>,
    /// The provider of its model.
    pub provider: String,
    /// Its model.
    pub model: String,
    /// The choice of the model.
    pub router_info: Option<Value>,
    /// The client's notes.
    pub metadata: Option<Value>,
    /// Number of its last event.
    pub last_sequence: i64,
    /// The error that it shows.
    pub error: Option<String>,
    /// Its result.
    pub summary: Option<Value>,
    /// Number of times it was taken over from a process that was lost.
    pub takeovers: i32,
    /// True once its user wants it to end.
    pub cancel_requested: bool,
    /// True while it waits to be started, and not only for its turn.
    pub is_held_back: bool,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// Time of its last change.
    pub updated_at: DateTime<Utc>,
    /// Start time.
    pub started_at: Option<DateTime<Utc>>,
    /// End time.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The answer that a paused job waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Pending {
    /// A consent, as it was asked.
    Consent(Value),
    /// An answer to a question, as it was asked.
    Prompt(Value),
}

/// The outcome of starting or resuming a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartOutcome {
    /// It goes on.
    Started,
    /// It was going on already, or waits for its turn.
    Already(&'static str),
}
