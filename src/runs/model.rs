//! A run, its states, and what it is asked to do.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::auth::principal::{Principal, Proof, Role};
use crate::platform::ids::{OrgId, RunId, TeamId, UserId};
use crate::platform::logging::TraceId;
use crate::runs::task::Task;

/// Where a run stands, as it is stored and as jobs show it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[schema(as = JobStatus)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum RunStatus {
    /// Waits for a worker; also a run whose process ended before it did.
    Queued,
    /// A worker is on it.
    Running,
    /// Waits for a person.
    PausedForApproval,
    /// Ended, and the task was done.
    Completed,
    /// Ended, and the task was not done.
    Failed,
    /// Ended by the user.
    Canceled,
}

impl RunStatus {
    /// The name, as rows and answers carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::PausedForApproval => "paused_for_approval",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// True if the run is over.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Canceled => true,
            Self::Queued | Self::Running | Self::PausedForApproval => false,
        }
    }
}

/// The way a run was asked for; the work is the same.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[schema(as = JobKind)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum RunKind {
    /// Interactively: the request is answered with the stream.
    Autonomous,
    /// In the background: the request is answered with the job.
    Job,
}

/// One piece of work, as it is when it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The run.
    pub id: RunId,
    /// Whose run.
    pub org_id: OrgId,
    /// Who asked for it.
    pub user_id: UserId,
    /// The team they work in.
    pub team_id: Option<TeamId>,
    /// Their role, which limits what they may do.
    pub role: Role,
    /// The way it was asked for.
    pub kind: RunKind,
    /// The task.
    pub task: Task,
    /// The model that does it.
    pub model: ChosenModel,
    /// The trace of the request that asked for it; none for runs of versions that kept none.
    pub trace_id: Option<TraceId>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

impl Run {
    /// Who asked for it, as the rest of the service knows them.
    pub fn principal(&self) -> Principal {
        Principal {
            org_id: self.org_id.clone(),
            user_id: self.user_id.clone(),
            team_id: self.team_id.clone(),
            role: self.role,
            proof: Proof::Owner,
        }
    }
}

/// The model a run uses, by the names that are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenModel {
    /// The model that the client asked for, if it named one.
    pub requested: Option<String>,
    /// The provider.
    pub provider: String,
    /// The provider's name of the model.
    pub model: String,
    /// The choice, as clients see it; empty for runs of versions that did not keep it.
    pub router_info: Map<String, Value>,
}

/// Bounds of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunLimits {
    /// Rounds of turns and verification.
    pub iterations: u32,
    /// Tool calls of the whole run.
    pub tool_calls: u32,
    /// Wall-clock time.
    pub runtime: std::time::Duration,
    /// Cost in US dollars; calls without a known price are bounded by `tokens` alone.
    pub cost_usd: f64,
    /// Tokens of all calls.
    pub tokens: u64,
}

/// The agent's access to tools in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolAccess {
    /// Read, write and run.
    Full,
    /// Read and search.
    ReadOnly,
    /// Answer only.
    NoWorkspace,
}

/// A run as its stream needs it to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHead {
    /// Its organisation.
    pub org_id: OrgId,
    /// The run.
    pub run_id: RunId,
    /// Interactive or in the background.
    pub kind: RunKind,
    /// Number of its last event.
    pub last_sequence: i64,
}

/// A run as its worker took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunClaim {
    /// Where the log ends.
    pub last: i64,
    /// The number under which the worker writes.
    pub fence: i64,
    /// Where the run stands.
    pub status: RunStatus,
}

/// The end of the log of a run that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndOfLog {
    /// The status that it ended with.
    pub status: RunStatus,
    /// Number of its last event.
    pub last_sequence: i64,
}

/// The log of an unfinished run of this worker's, which no other writer appends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldLog {
    /// The sequence number that it ends at.
    pub last: i64,
    /// True if the run made tool calls that have no result yet.
    pub has_open_calls: bool,
}

/// A run whose row is locked until the transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockedRun {
    /// Its status.
    pub status: RunStatus,
    /// True if a worker that lives has claimed it.
    pub is_claimed: bool,
    /// True if it waits to be started, and not only for its turn.
    pub is_held_back: bool,
}
