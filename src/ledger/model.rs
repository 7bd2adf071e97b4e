//! A call to a model and a finished task, as the ledger keeps them.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::ledger::money::{Cost, Nanos};
use crate::llm::error::LlmError;
use crate::llm::model::Usage;
use crate::platform::ids::{OrgId, RunId, UserId};
use crate::platform::logging::TraceId;

crate::id!(
    /// One request to a model provider; sending its row twice writes it once.
    CallId
);

/// The activity of a run that calls a model: the label `phase` of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallPhase {
    /// Making a plan.
    Plan,
    /// Working on its own.
    Autonomous,
    /// Answering in a conversation, without tools.
    Chat,
}

impl CallPhase {
    /// The label, one of [`crate::platform::metrics::PHASES`].
    pub fn label(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Autonomous => "autonomous",
            Self::Chat => "chat",
        }
    }
}

/// The outcome of a call or a task: the label `status` of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// As it should.
    Success,
    /// With a failure.
    Error,
    /// It took longer than allowed.
    Timeout,
    /// Someone gave it up.
    Cancelled,
}

impl Status {
    /// The label, one of [`crate::platform::metrics::CALL_STATUSES`] and
    /// [`crate::platform::metrics::TASK_STATUSES`].
    pub fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One request to a model provider, whatever became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its id, made when the call began.
    pub call_id: CallId,
    /// The organisation that pays.
    pub org_id: OrgId,
    /// The user who asked.
    pub user_id: UserId,
    /// The run it belongs to.
    pub run_id: Option<RunId>,
    /// The trace of the request that led to it.
    pub trace_id: Option<TraceId>,
    /// The client's session.
    pub session_id: Option<String>,
    /// The run's activity.
    pub phase: CallPhase,
    /// The provider's configured name.
    pub provider: String,
    /// The model that was asked for, by the provider's own name.
    pub model: String,
    /// The provider's counts, as far as it reported them; a failed call may have counts too. Absent means
    /// unknown, and makes the cost unknown. A call that certainly used nothing says so with zeros:
    /// [`usage_when_refused`].
    pub usage: Option<Usage>,
    /// The outcome.
    pub status: Status,
    /// Why it failed.
    pub error_message: Option<String>,
    /// From sending the request to the end of the answer.
    pub latency: Duration,
    /// From sending the request to the first token, when there was one.
    pub ttft: Option<Duration>,
    /// When it began; its price is the one of that moment.
    pub created_at: DateTime<Utc>,
    /// The kind of work, as in [`TaskMetric::task_type`].
    pub task_type: Option<String>,
}

/// The usage of a call that failed before anything was streamed.
///
/// A provider that answers with an error status bills nothing, so a retried 429 must not make the cost of
/// a whole run unknown. When the connection broke or the call timed out, the provider may have read the
/// prompt and billed it; the usage is unknown.
pub fn usage_when_refused(error: &LlmError) -> Option<Usage> {
    match error {
        LlmError::RateLimited { .. }
        | LlmError::Unavailable { .. }
        | LlmError::Unauthorized { .. }
        | LlmError::QuotaExhausted { .. }
        | LlmError::Blocked { .. }
        | LlmError::ContextTooLong { .. }
        | LlmError::AnswerLimit { .. }
        | LlmError::FieldRefused { .. }
        | LlmError::FieldMissing { .. }
        | LlmError::UnknownModel { .. }
        | LlmError::Rejected { .. } => Some(Usage::default()),
        LlmError::Network { .. }
        | LlmError::TimedOut { .. }
        | LlmError::Botched { .. }
        | LlmError::Protocol { .. }
        | LlmError::Repeats { .. }
        | LlmError::Truncated { .. } => None,
    }
}

/// A call and what it cost, as it is written. `cost` is absent when the price is unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct PricedCall {
    /// The call.
    pub call: Call,
    /// The cost.
    pub cost: Option<Cost>,
}

/// A call of a run as it is read back.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRow {
    /// Its id.
    pub call_id: CallId,
    /// The run's activity, a label of [`CallPhase`].
    pub phase: String,
    /// The provider's configured name.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The outcome, a label of [`Status`].
    pub status: String,
    /// The tokens.
    pub usage: Usage,
    /// The cost; absent when unknown.
    pub cost: Option<Nanos>,
    /// The duration.
    pub latency: Duration,
    /// When it began.
    pub created_at: DateTime<Utc>,
}

/// A finished task as it is read back.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRow {
    /// The outcome, a label of [`Status`].
    pub status: String,
    /// Rounds of turns and verification.
    pub iterations: i32,
    /// The number of retrievals of code.
    pub retrievals: i32,
    /// From the request to the end.
    pub completion_time: Duration,
    /// The part of it that was spent waiting for models.
    pub llm_time: Duration,
    /// Tokens of all calls.
    pub total_tokens: u64,
    /// Cost of all calls; absent when unknown.
    pub total_cost: Option<Nanos>,
}

/// A finished task: one row of `task_metrics`.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskMetric {
    /// The organisation.
    pub org_id: OrgId,
    /// The user who asked.
    pub user_id: UserId,
    /// The run.
    pub run_id: RunId,
    /// The trace of the request that asked for it.
    pub trace_id: Option<TraceId>,
    /// The kind of work.
    pub task_type: String,
    /// Turns with the model.
    pub llm_iterations: u32,
    /// Retrievals of code.
    pub rag_retrievals: u32,
    /// From the request to the last event.
    pub completion_time: Duration,
    /// The part of it that was spent waiting for models.
    pub llm_time: Duration,
    /// The part of it that was spent retrieving code.
    pub rag_time: Duration,
    /// Tokens of all calls together.
    pub total_tokens: u64,
    /// Cost of all calls together; absent when the cost of any of them is unknown.
    pub total_cost: Option<Nanos>,
    /// The outcome.
    pub status: Status,
    /// The code of the failure that ended it.
    pub error_type: Option<String>,
    /// When it ended.
    pub created_at: DateTime<Utc>,
}

/// The cost of an organisation's calls in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeriodCost {
    /// The cost of those that have a price.
    pub cost: Nanos,
    /// The number of calls that were counted and have no price.
    pub unpriced: i64,
}

#[cfg(test)]
mod tests {
    use super::{CallPhase, Status};
    use crate::platform::metrics::{CALL_STATUSES, PHASES, TASK_STATUSES};

    #[test]
    fn the_labels_are_the_closed_sets_of_the_metrics() {
        let phases =
            [CallPhase::Plan, CallPhase::Autonomous, CallPhase::Chat].map(CallPhase::label);
        assert_eq!(phases, PHASES);
        let statuses = [
            Status::Success,
            Status::Error,
            Status::Timeout,
            Status::Cancelled,
        ]
        .map(Status::label);
        assert_eq!(statuses, CALL_STATUSES);
        assert_eq!(statuses, TASK_STATUSES);
    }
}
