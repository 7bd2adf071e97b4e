//! Events of a run: one schema for the log and for the wire.
//!
//! Names and fields are those the old clients parse. An event is stored once, in the transaction
//! that changes the run, and every stream is a view of what was stored.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::exec::output::OutputStream;
use crate::platform::ids::RunId;
use crate::runs::event_data::{
    ApprovalData, LegacyStep, PlanData, PlanRef, ResumeReason, RunPhase, StepData, ToolCallData,
    ToolResultData,
};
use crate::runs::outcome::Summary;
use crate::verify::model::{CheckData, Verification};

/// One entry of a run's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
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
        status: RunPhase,
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
    /// The run's activity before its first turn.
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
        /// True if the plan has more than one step.
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
    /// The result of a tool call.
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
    /// Live output of one of the project's checks. Its own type, because old clients append every
    /// `command_output` to the answer that they show and store.
    CheckOutput {
        /// `baseline_N` before the first change, `verification_N` after the last, N from 1.
        check_id: String,
        /// `stdout` or `stderr`.
        stream: OutputStream,
        /// One line or, for a long burst, several joined by line feeds.
        line: String,
        /// The check's command.
        command: String,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
    /// A command asked for a connection out of its sandbox.
    NetworkConnection {
        /// The host, as far as it could be read.
        host: String,
        /// The port; 0 when none could be read.
        port: u16,
        /// The outcome of the connection.
        outcome: ConnectionOutcome,
        /// The rule or failure that stopped it.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
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
        /// The overall result.
        outcome: Verification,
    },
    /// Suggested next steps for the user.
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
    /// A tool call waits for a person; answered with `POST /api/navi/consent/{id}`.
    #[serde(rename = "command.consent_required")]
    ConsentRequired {
        /// The action that is asked about, and its possible consequences.
        data: Map<String, Value>,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
    /// A person allowed what was asked about.
    ApprovalRecorded {
        /// The consent, the choice, and what was chosen instead, if anything.
        approval: ApprovalData,
    },
    /// A consent was refused, or not answered in time.
    ApprovalDenied {
        /// The consent and how it ended.
        approval: ApprovalData,
    },
    /// A job was accepted. The first event of every job.
    JobCreated {
        /// Always `queued`.
        status: String,
        /// A sentence for a person.
        message: String,
    },
    /// A worker began with a job. Once for each job.
    JobStarted {
        /// A sentence for a person.
        message: String,
    },
    /// The run goes on from its log, mostly in another process; or an answer that broke off is asked for
    /// again.
    JobResumed {
        /// Why it had stopped.
        reason: ResumeReason,
        /// Text after this event belongs to an answer that was never finished; it is asked again.
        discard_after: i64,
        /// A sentence for a person.
        message: String,
    },
    /// The run waits for a person, or for an obstacle to pass.
    JobPaused {
        /// The consent it waits for.
        #[serde(skip_serializing_if = "Option::is_none")]
        consent_id: Option<String>,
        /// The question it waits for.
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt_id: Option<String>,
        /// The code of the obstacle, such as `MODEL_UNAVAILABLE`; `POST …/resume` goes on.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// A sentence for a person.
        message: String,
    },
    /// The user wants the run to end.
    CancelRequested {
        /// A sentence for a person.
        message: String,
    },
    /// A job ended well. The last event of a job is one of these three.
    JobCompleted {
        /// A sentence for a person.
        message: String,
    },
    /// A job ended badly.
    JobFailed {
        /// A sentence for a person.
        message: String,
    },
    /// A job was ended by its user.
    JobCanceled {
        /// A sentence for a person.
        message: String,
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
        /// The summary of the run.
        summary: Summary,
    },
    /// An event of another version that this one does not know, as during a deploy. It is passed on as it is.
    #[serde(untagged)]
    #[schema(value_type = Object)]
    Unknown(Map<String, Value>),
}

/// The outcome of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionOutcome {
    /// It was made, or is about to be.
    Allowed,
    /// No rule allows it.
    Refused,
    /// It was allowed and could not be made.
    Failed,
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
            Self::CheckOutput { .. } => "check_output",
            Self::NetworkConnection { .. } => "network_connection",
            Self::PromptRequest { .. } => "prompt_request",
            Self::Iteration { .. } => "iteration",
            Self::Verification { .. } => "verification",
            Self::NextSteps { .. } => "next_steps",
            Self::GenerationLogged { .. } => "generation_logged",
            Self::ConsentRequired { .. } => "command.consent_required",
            Self::ApprovalRecorded { .. } => "approval_recorded",
            Self::ApprovalDenied { .. } => "approval_denied",
            Self::JobCreated { .. } => "job_created",
            Self::JobStarted { .. } => "job_started",
            Self::JobResumed { .. } => "job_resumed",
            Self::JobPaused { .. } => "job_paused",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::JobCompleted { .. } => "job_completed",
            Self::JobFailed { .. } => "job_failed",
            Self::JobCanceled { .. } => "job_canceled",
            Self::Error { .. } => "error",
            Self::Complete { .. } => "complete",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The beginning of a run's preparation.
    pub fn planning(run: RunId) -> Self {
        Self::Status {
            status: RunPhase::Planning,
            task_id: Some(run),
            reason: None,
            prompt_id: None,
        }
    }

    /// A plain change of phase.
    pub fn status(status: RunPhase) -> Self {
        Self::Status {
            status,
            task_id: None,
            reason: None,
            prompt_id: None,
        }
    }
}
