//! The end of a run.

use serde::{Deserialize, Serialize};

use crate::llm::model::Usage;
use crate::platform::ids::RunId;
use crate::runs::model::RunStatus;
use crate::verify::model::Verification;

/// Why a run ended; the value of `stopped_reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, utoipa::ToSchema)]
#[schema(as = StoppedReason, rename_all = "snake_case")]
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
    #[schema(rename = "iteration_loop_detected")]
    LoopDetected,
    /// The wall-clock limit.
    #[schema(rename = "runtime_cap_reached")]
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

    /// True if the task counts as done. A failed check never does.
    pub fn is_success(self) -> bool {
        self == Self::Completed
    }

    /// The explanation in a list of runs when no other error is known.
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

    /// Advice for the user.
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
                Some("Send the request again to continue, or split it into smaller ones")
            }
            Self::CostLimit => Some("Raise the run's limit of cost or tokens to continue"),
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

/// The degree to which a task was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// Wholly, as far as that can be told.
    Done,
    /// In part, or so that nothing tells: changes that no check looked at, something that was refused.
    #[default]
    Partly,
    /// Not.
    Failed,
}

/// The end of a run: the one shape of `complete.summary`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Summary {
    /// The run.
    #[schema(value_type = uuid::Uuid)]
    pub task_id: RunId,
    /// True if the run came to its end and no check failed; `verdict` says how far the task was done.
    pub success: bool,
    /// The degree to which it was done, which is also the exit code of `navi agent run`: `done` 0, `partly` 4,
    /// `failed` 1.
    #[serde(default)]
    #[schema(required = true)]
    pub verdict: RunVerdict,
    /// Its obstacles, a fact each, as people read them.
    #[serde(default)]
    #[schema(required = true)]
    pub obstacles: Vec<String>,
    /// Why it ended; `completed` when the model said it was done.
    #[schema(value_type = Stopped)]
    pub stopped_reason: String,
    /// Files that tools read, relative to the workspace.
    pub files_read: Vec<String>,
    /// Files that existed before and were changed, by a tool or by a command.
    pub files_modified: Vec<String>,
    /// Files that did not exist before.
    pub files_created: Vec<String>,
    /// Files that existed before and are gone.
    #[serde(default)]
    #[schema(required = true)]
    pub files_deleted: Vec<String>,
    /// Files that existed before and have another path.
    #[serde(default)]
    #[schema(required = true)]
    pub files_renamed: Vec<Renamed>,
    /// False if files that commands changed may be missing from these lists: there were too many to compare,
    /// or the server was lost.
    #[serde(default)]
    #[schema(required = true)]
    pub changes_complete: bool,
    /// Rounds of turns and verification.
    pub iterations: u32,
    /// The result of the project's own checks at the end.
    pub verification: Verification,
    /// Tokens of all calls.
    pub tokens: Tokens,
    /// The part of the input that came from the provider's cache, 0 to 1; null when nothing was counted.
    #[serde(default)]
    #[schema(required = true)]
    pub cache_hit_rate: Option<f64>,
    /// Cost of all calls in US dollars; null when the price of any of them is unknown.
    pub cost_usd: Option<f64>,
    /// Wall-clock duration in milliseconds.
    pub elapsed_ms: u64,
    /// Suggested next steps for the user.
    pub next_steps: Vec<String>,
}

/// A file that has another path, relative to the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Renamed {
    /// The path that it had.
    pub from: String,
    /// The path that it has.
    pub to: String,
}

impl Renamed {
    /// A pair of paths.
    pub fn of((from, to): (&String, &String)) -> Self {
        Self {
            from: from.clone(),
            to: to.clone(),
        }
    }
}

impl Tokens {
    /// The part of the input that came from the cache, in thousandths; none without input.
    pub fn cache_hit_rate(self) -> Option<f64> {
        let thousandths = self
            .cache_read
            .saturating_mul(1_000)
            .checked_div(self.input)?;
        u32::try_from(thousandths)
            .ok()
            .map(|part| f64::from(part) / 1_000.0)
    }

    /// These counts in the shape of a summary.
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
