//! The shapes inside events.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::exec::sandbox::machine::Sandbox;
use crate::llm::route::Route;

/// The phases a client shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Phase)]
pub enum RunPhase {
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
    /// Waiting for the user's consent.
    AwaitingHumanDecision,
    /// Stopped with the process; can be resumed.
    Interrupted,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Ended by the user.
    Canceled,
}

impl RunPhase {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Executing => "executing",
            Self::Verifying => "verifying",
            Self::Fixing => "fixing",
            Self::AwaitingUserInput => "awaiting_user_input",
            Self::AwaitingHumanDecision => "awaiting_human_decision",
            Self::Interrupted => "interrupted",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

/// Why a run had stopped before it was resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResumeReason {
    /// Its process ended in good order and put the run back.
    Released,
    /// Its process was lost.
    WorkerLost,
    /// It had paused, and its user wants it to go on.
    Requested,
    /// It had not stopped: an answer of its model broke off, and is asked for again.
    AskedAgain,
}

/// The obstacle before which a run pauses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseReason {
    /// A stable code.
    pub code: String,
    /// A sentence for a person.
    pub message: String,
}

/// The decision about an action: the first three are told by `approval_recorded`, the others by `approval_denied`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalDecision {
    /// A person allowed it.
    Allowed,
    /// A preference of theirs did.
    AutoAllowed,
    /// They want something else instead.
    Alternative,
    /// They denied it.
    Denied,
    /// No answer came in time.
    Timeout,
    /// The client had no person to ask.
    Unasked,
    /// The run ended first.
    Canceled,
}

/// The answer to a consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ApprovalData {
    /// The consent; absent when a preference allowed the action and no one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_id: Option<String>,
    /// The tool call it is about, by the provider's name for it.
    pub tool_call_id: String,
    /// The decision.
    pub decision: ApprovalDecision,
    /// The action that was asked about.
    pub command: String,
    /// The alternative that the person wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternative_command: Option<String>,
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

/// The progress of a step.
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

/// The words of a repository that a model was shown, as clients are told of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Instructions)]
pub struct InstructionsData {
    /// The files of instructions.
    pub files: Vec<InstructionFileData>,
    /// The names of the skills that were offered.
    pub skills: Vec<String>,
    /// Sentences about what is cut or left out.
    pub notes: Vec<String>,
}

/// A file of instructions, as clients are told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InstructionFile)]
pub struct InstructionFileData {
    /// Its path within the workspace.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// The bytes of its text that are shown.
    pub shown_bytes: usize,
}

/// The first frame of a stream with the words of the repository that the model was shown.
pub fn with_instructions(
    mut info: Map<String, Value>,
    instructions: Option<&InstructionsData>,
) -> Map<String, Value> {
    if let Some(instructions) = instructions {
        info.insert("instructions".to_owned(), json!(instructions));
    }
    info
}

/// The first frame of a run's stream with the wall around its commands.
pub fn with_sandbox(mut info: Map<String, Value>, sandbox: &Sandbox) -> Map<String, Value> {
    let contained = json!({ "tier": sandbox.tier(), "missing": sandbox.missing() });
    info.insert("sandbox".to_owned(), contained);
    info
}

/// The first frame of a stream, as old clients read it.
pub fn router_info(route: &Route, mode: Option<&str>, task_type: &str) -> Map<String, Value> {
    let mut info = json!({
        "requestedModelId": route.requested_model_id,
        "requestedModeId": route.requested_mode_id,
        "effectiveModelId": route.effective_model_id,
        "provider": route.provider_id.as_str(),
        "model": route.provider_model,
        "wasFallback": route.was_fallback,
        "fallbackReasonCode": route.fallback_reason_code,
        "fallbackReason": route.fallback_reason,
        "modelId": route.effective_model_id,
        "mode": mode,
        "task_type": task_type,
    });
    // There only when there is something to ask, so that older clients see what they know.
    if let Some(suggestion) = &route.suggestion {
        info["didYouMean"] = json!(suggestion);
    }
    match info {
        Value::Object(info) => info,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
