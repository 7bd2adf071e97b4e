//! What a run says: one schema for the log and for the wire.
//!
//! Names and fields are those the old clients parse. An event is stored once, in the transaction
//! that changes the run, and every stream is a view of what was stored.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::agent::model::{RunId, Summary};

/// One entry of a run's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = RunEvent)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Which model was chosen and why. On the wire it is the first frame and has no `type`.
    RouterInfo {
        /// The routing decision.
        router_info: Map<String, Value>,
    },
    /// Where the run stands.
    Status {
        /// The phase that begins.
        status: Phase,
        /// The run, on the first status only.
        #[schema(value_type = Option<uuid::Uuid>)]
        #[serde(skip_serializing_if = "Option::is_none")]
        task_id: Option<RunId>,
        /// Why, when the phase does not speak for itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The prompt that is waited for.
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt_id: Option<String>,
    },
    /// What the run is busy with before its first turn.
    ThinkingProgress {
        /// A sentence for a person.
        message: String,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
    /// The plan, as the client's plan view takes it.
    PlanStart {
        /// The plan.
        data: PlanData,
    },
    /// The same plan in the older shape.
    Plan {
        /// The steps, at most five.
        steps: Vec<LegacyStep>,
        /// Files the plan expects to touch, at most ten.
        estimated_files: Vec<String>,
        /// Whether the plan has more than one step.
        is_complex: bool,
    },
    /// A step of the plan moved on.
    StepUpdate {
        /// Which step, and how.
        data: StepData,
    },
    /// No step of the plan will move any more.
    PlanComplete {
        /// Which plan.
        data: PlanRef,
    },
    /// A piece of the model's text.
    Text {
        /// The piece.
        text: String,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
    /// The model asked for a tool; shown before it runs.
    ToolCall {
        /// The call.
        tool_call: ToolCallData,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
    /// What the tool returned.
    ToolResult {
        /// The result.
        tool_result: ToolResultData,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
    /// Live output of a running command.
    CommandOutput {
        /// The tool call it belongs to.
        tool_call_id: String,
        /// `stdout` or `stderr`.
        stream: OutputStream,
        /// One line or, for a long burst, several joined by line feeds.
        line: String,
        /// The command.
        command: String,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
    /// A question to the user; answered with `POST /api/navi/prompt/{id}`.
    PromptRequest {
        /// The question.
        data: Map<String, Value>,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
    /// A further round of turns begins.
    Iteration {
        /// The round, from 2.
        iteration: u32,
        /// The most rounds this run may take.
        max: u32,
        /// Why another round is needed.
        reason: String,
    },
    /// The project's own checks ran, or could not.
    Verification {
        /// One entry for each command that ran; empty when none did.
        results: Vec<CheckData>,
        /// What that amounts to.
        outcome: Verification,
    },
    /// What the user may want to do next.
    NextSteps {
        /// At most three sentences.
        next_steps: Vec<String>,
    },
    /// The answer was logged as a generation that can be rated.
    GenerationLogged {
        /// The id to send with the rating.
        gen_id: i64,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
    /// Something failed; the run may go on.
    Error {
        /// A sentence for a person that says what to do.
        error: String,
        /// A stable code.
        code: String,
    },
    /// The run is over. Always the last event.
    Complete {
        /// How it ended.
        summary: Summary,
    },
}

impl Event {
    /// The value of `type`, as stored beside the payload.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RouterInfo { .. } => "router_info",
            Self::Status { .. } => "status",
            Self::ThinkingProgress { .. } => "thinking_progress",
            Self::PlanStart { .. } => "plan_start",
            Self::Plan { .. } => "plan",
            Self::StepUpdate { .. } => "step_update",
            Self::PlanComplete { .. } => "plan_complete",
            Self::Text { .. } => "text",
            Self::ToolCall { .. } => "tool_call",
            Self::ToolResult { .. } => "tool_result",
            Self::CommandOutput { .. } => "command_output",
            Self::PromptRequest { .. } => "prompt_request",
            Self::Iteration { .. } => "iteration",
            Self::Verification { .. } => "verification",
            Self::NextSteps { .. } => "next_steps",
            Self::GenerationLogged { .. } => "generation_logged",
            Self::Error { .. } => "error",
            Self::Complete { .. } => "complete",
        }
    }

    /// A plain change of phase.
    pub fn status(status: Phase) -> Self {
        Self::Status {
            status,
            task_id: None,
            reason: None,
            prompt_id: None,
        }
    }
}

/// The phases a client shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reading the request and planning.
    Planning,
    /// Asking the model and running its tools.
    Executing,
    /// Running the project's checks.
    Verifying,
    /// Giving the model what failed.
    Fixing,
    /// Waiting for the user's answer.
    AwaitingUserInput,
    /// Stopped with the process; can be resumed.
    Interrupted,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Ended by the user.
    Canceled,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlanData {
    /// Names the plan within its run.
    pub plan_id: String,
    /// The steps, at most five.
    pub steps: Vec<PlanStep>,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlanStep {
    /// Counts from 1.
    pub index: u32,
    /// At most 72 characters.
    pub title: String,
    /// At most 180 characters.
    pub detail: String,
}

/// A step of a plan in the older shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LegacyStep {
    /// Counts from 1.
    pub id: u32,
    /// The title.
    pub label: String,
    /// The detail.
    pub description: String,
    /// Always `pending`: the plan is sent before it begins.
    pub status: String,
}

/// How a step moved on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StepData {
    /// The plan.
    pub plan_id: String,
    /// Counts from 0.
    pub step_index: u32,
    /// Where the step stands now.
    pub status: StepStatus,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It began.
    Running,
    /// It was done.
    Completed,
    /// It was not done.
    Error,
}

/// Names a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlanRef {
    /// The plan.
    pub plan_id: String,
}

/// A tool call as clients see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ToolCallData {
    /// The provider's id of the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments; a string when the model sent no JSON object.
    pub arguments: Value,
}

/// A tool's result as clients see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ToolResultData {
    /// The call it answers.
    pub id: String,
    /// `success` and what the tool says beyond it.
    pub result: Map<String, Value>,
}

/// Where a line of output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What all the project's checks together say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// At least one check ran, and all that ran passed.
    Passed,
    /// A check failed.
    Failed,
    /// No check ran: the project has none, or the run was told not to.
    #[default]
    NotRun,
}

/// One check as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CheckData {
    /// `typecheck`, `lint`, `tests` or `build`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The command that ran.
    pub command: String,
    /// Whether it passed.
    pub success: bool,
    /// The most telling lines, at most five.
    pub errors: Vec<String>,
    /// At most five.
    pub warnings: Vec<String>,
    /// What failed already before the run changed anything.
    pub failed_before: Vec<String>,
}
