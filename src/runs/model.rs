//! A run, its states, and what it is asked to do.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::agent::learning::tuning::Tuning;
use crate::agent::prompt::plan::Plan;
use crate::auth::principal::{Principal, Proof, Role};
use crate::llm::model::{Message, Part, Usage};
use crate::platform::ids::{ConversationId, RunId};
use crate::platform::ids::{OrgId, TeamId, UserId};
use crate::platform::logging::TraceId;
use crate::runs::event_data::Verification;

/// Where a run stands, as it is stored and as jobs show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
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

    /// Whether the run is over.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Canceled => true,
            Self::Queued | Self::Running | Self::PausedForApproval => false,
        }
    }
}

/// How a run was asked for; the work is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
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
    /// What they may do.
    pub role: Role,
    /// How it was asked for.
    pub kind: RunKind,
    /// What is to be done.
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
    /// What the client asked for, if it asked.
    pub requested: Option<String>,
    /// The provider.
    pub provider: String,
    /// The provider's name of the model.
    pub model: String,
}

/// What a client asks for, checked and bounded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The request in the user's words.
    pub message: String,
    /// The folder to work in, as the client named it. Without one the agent has no tools.
    pub workspace_path: Option<String>,
    /// The conversation this belongs to.
    pub conversation_id: Option<ConversationId>,
    /// What was said before, oldest first.
    pub history: Vec<Message>,
    /// Images and texts that came with the request.
    pub attachments: Vec<Part>,
    /// What the user is looking at.
    pub editor: EditorContext,
    /// Whether the project's checks run before the run may end.
    pub run_verification: bool,
    /// The most rounds; by the task's complexity when absent.
    pub max_iterations: Option<u32>,
    /// What ratings chose for it; nothing until that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
    /// The plan it is done by; made with its first turn when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

impl Task {
    /// What is left of a request that cannot be read: its message.
    pub fn unreadable(message: String) -> Self {
        Self {
            message,
            workspace_path: None,
            conversation_id: None,
            history: Vec::new(),
            attachments: Vec::new(),
            editor: EditorContext::default(),
            run_verification: false,
            max_iterations: None,
            tuning: None,
            plan: None,
        }
    }
}

/// What the client's editor shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditorContext {
    /// The open file, relative to the workspace or absolute.
    pub current_file: Option<String>,
    /// Its content, as it may not be saved yet.
    pub current_file_content: Option<String>,
    /// The selected text.
    pub selection: Option<String>,
    /// What the editor reports about the code.
    pub errors: Vec<Diagnostic>,
    /// Why the client's last action failed.
    pub last_action_error: Option<String>,
}

/// One message of the editor about the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The file.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// `error`, `warning` and the like.
    pub severity: Option<String>,
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

/// Why a run ended; the value of `stopped_reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The model said it was done, and no check says otherwise.
    Completed,
    /// Checks fail that passed before the run, or were made by it.
    VerificationFailed,
    /// Checks fail that failed before the run, and the model left them.
    FailuresExistedBefore,
    /// The rounds are used up.
    MaxIterations,
    /// The same failures came back round after round.
    LoopDetected,
    /// The wall-clock limit.
    RuntimeCap,
    /// The limit of tool calls.
    ToolCallLimit,
    /// The limit of cost or tokens.
    CostLimit,
    /// The model could not be asked, or its answer broke off.
    ModelError,
    /// The user ended it.
    Cancelled,
    /// Something failed on our side.
    InternalError,
}

impl Stopped {
    /// The wire value.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::VerificationFailed => "verification_failed",
            Self::FailuresExistedBefore => "failures_existed_before",
            Self::MaxIterations => "max_iterations",
            Self::LoopDetected => "iteration_loop_detected",
            Self::RuntimeCap => "runtime_cap_reached",
            Self::ToolCallLimit => "tool_call_limit",
            Self::CostLimit => "cost_limit",
            Self::ModelError => "model_error",
            Self::Cancelled => "cancelled",
            Self::InternalError => "internal_error",
        }
    }

    /// Whether the task counts as done. A failed check never does.
    pub fn is_success(self) -> bool {
        self == Self::Completed
    }

    /// What a list of runs shows when nothing else says what went wrong.
    pub fn explanation(self) -> Option<&'static str> {
        match self {
            Self::Completed | Self::Cancelled => None,
            Self::VerificationFailed => Some("the project's checks fail"),
            Self::FailuresExistedBefore => Some("checks that failed before still fail"),
            Self::MaxIterations => Some("the rounds of work are used up"),
            Self::LoopDetected => Some("the same failures came back again and again"),
            Self::RuntimeCap => Some("the limit of time was reached"),
            Self::ToolCallLimit => Some("the limit of tool calls was reached"),
            Self::CostLimit => Some("the limit of cost or tokens was reached"),
            Self::ModelError => Some("the model could not be asked"),
            Self::InternalError => Some("something failed on the server"),
        }
    }

    /// What the user may do about it.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Completed => None,
            Self::VerificationFailed | Self::LoopDetected => {
                Some("Look at the failing checks above before you keep the changes")
            }
            Self::FailuresExistedBefore => {
                Some("Decide about the checks that failed before this run and still fail")
            }
            Self::MaxIterations | Self::ToolCallLimit | Self::RuntimeCap => {
                Some("Send the request again to go on, or split it into smaller ones")
            }
            Self::CostLimit => Some("Raise the run's limit of cost or tokens to go on"),
            Self::ModelError => Some("Choose another model, or try again later"),
            Self::Cancelled => Some("Review what was changed before the run was cancelled"),
            Self::InternalError => Some("Tell the operator the run's id"),
        }
    }

    /// The status the run's row ends with.
    pub fn run_status(self) -> RunStatus {
        match self {
            Self::Completed => RunStatus::Completed,
            Self::Cancelled => RunStatus::Canceled,
            Self::VerificationFailed
            | Self::FailuresExistedBefore
            | Self::MaxIterations
            | Self::LoopDetected
            | Self::RuntimeCap
            | Self::ToolCallLimit
            | Self::CostLimit
            | Self::ModelError
            | Self::InternalError => RunStatus::Failed,
        }
    }
}

/// How a run ended: the one shape of `complete.summary`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Summary {
    /// The run.
    #[schema(value_type = uuid::Uuid)]
    pub task_id: RunId,
    /// Whether the task was done, as far as that can be told: never true after a failed check.
    pub success: bool,
    /// Why it ended; `completed` when the model said it was done.
    pub stopped_reason: String,
    /// Files that tools read, relative to the workspace.
    pub files_read: Vec<String>,
    /// Files that existed before and were changed.
    pub files_modified: Vec<String>,
    /// Files that did not exist before.
    pub files_created: Vec<String>,
    /// Rounds of turns and verification.
    pub iterations: u32,
    /// What the project's own checks said at the end.
    pub verification: Verification,
    /// Tokens of all calls.
    pub tokens: Tokens,
    /// Cost of all calls in US dollars; null when the price of any of them is unknown.
    pub cost_usd: Option<f64>,
    /// Wall-clock duration in milliseconds.
    pub elapsed_ms: u64,
    /// What the user may want to do next.
    pub next_steps: Vec<String>,
}

impl Tokens {
    /// What these counts are, in the shape of a summary.
    pub fn of(usage: Usage) -> Self {
        Self {
            input: usage.input,
            output: usage.output,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
        }
    }
}

/// Tokens of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tokens {
    /// Input, with what was read from and written to the cache.
    pub input: u64,
    /// Output, with reasoning.
    pub output: u64,
    /// Input read from the provider's cache.
    pub cache_read: u64,
    /// Input written to the provider's cache.
    pub cache_write: u64,
}
