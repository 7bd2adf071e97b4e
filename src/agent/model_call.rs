//! One call to a model: streamed on as it arrives, measured, priced and recorded whatever its
//! outcome, also when it is dropped halfway.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use uuid::Uuid;

use crate::agent::runner::usage::Spending;
use crate::agent::service::Services;
use crate::auth::principal::Principal;
use crate::ledger::model::{Call, CallId, Phase, Status, usage_when_refused};
use crate::ledger::service::{Ledger, is_plausible};
use crate::llm::error::LlmError;
use crate::llm::model::{ChatRequest, Completion, StreamEvent, ToolCall, Usage};
use crate::llm::provider::{EventStream, Provider};
use crate::llm::route::Route;
use crate::platform::clock::Clock;
use crate::platform::ids::{OrgId, UserId};
use crate::platform::logging::TraceId;

/// Who calls, which model, and where the record goes.
#[derive(Clone)]
pub struct Caller {
    /// The model's provider.
    pub provider: Arc<dyn Provider>,
    /// The provider's name, as recorded.
    pub provider_name: String,
    /// Whose call.
    pub org_id: OrgId,
    /// Who caused it.
    pub user_id: UserId,
    /// The run it belongs to, if any.
    pub run_id: Option<Uuid>,
    /// The trace of the request that led to it.
    pub trace_id: Option<TraceId>,
    /// The conversation it belongs to, if any.
    pub session_id: Option<String>,
    /// Where it is recorded.
    pub ledger: Ledger,
    /// For the moment of the call.
    pub clock: Clock,
    /// The kind of work the call is part of.
    pub task_type: &'static str,
    /// Where its tokens and cost are added up.
    pub spending: Spending,
}

impl Caller {
    /// A caller of a route's model, outside of any run and conversation.
    pub fn new(
        services: &Services,
        principal: &Principal,
        route: &Route,
        task_type: &'static str,
    ) -> Self {
        Self {
            provider: route.provider.clone(),
            provider_name: route.provider_id.as_str().to_owned(),
            org_id: principal.org_id.clone(),
            user_id: principal.user_id.clone(),
            run_id: None,
            trace_id: None,
            session_id: None,
            ledger: services.ledger.clone(),
            clock: services.clock.clone(),
            task_type,
            spending: Spending::default(),
        }
    }
}

/// A call under way. Dropping it ends the call and records it as cancelled.
pub struct ModelCall {
    events: EventStream,
    meter: Meter,
}

impl ModelCall {
    /// Sends the request. An error is recorded before it is returned. Waits first while accounting
    /// cannot be written: what cannot be recorded is not spent.
    pub async fn start(
        caller: &Caller,
        phase: Phase,
        request: &ChatRequest,
    ) -> Result<Self, LlmError> {
        caller.ledger.room().await;
        let mut meter = Meter::start(caller.clone(), phase, request.model.clone());
        match caller.provider.stream(request).await {
            Ok(events) => Ok(Self { events, meter }),
            Err(error) => {
                meter.fail(&error, usage_when_refused(&error));
                Err(error)
            }
        }
    }

    /// The next event. After [`StreamEvent::Done`] or an error the call is recorded and over.
    pub async fn next(&mut self) -> Option<Result<StreamEvent, LlmError>> {
        let event = self.events.next().await?;
        match &event {
            Ok(StreamEvent::Done(completion)) => self.meter.succeed(completion),
            Ok(_) => self.meter.first_token(),
            Err(error) => self.meter.fail(error, None),
        }
        Some(event)
    }

    /// The whole answer, for callers that show nothing before it is complete.
    pub async fn complete(mut self) -> Result<Answer, LlmError> {
        let mut answer = Answer::default();
        while let Some(event) = self.next().await {
            match event? {
                StreamEvent::Text { delta } => answer.text.push_str(&delta),
                StreamEvent::Reasoning { .. } => {}
                StreamEvent::ToolCall(call) => answer.tool_calls.push(call),
                StreamEvent::Done(completion) => {
                    answer.completion = Some(completion);
                    return Ok(answer);
                }
            }
        }
        let error = LlmError::Truncated {
            provider: self.meter.caller.provider.name(),
        };
        self.meter.fail(&error, None);
        Err(error)
    }
}

/// What a model answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Its text.
    pub text: String,
    /// The calls it asked for.
    pub tool_calls: Vec<ToolCall>,
    /// How it ended; always there once the answer is complete.
    pub completion: Option<Completion>,
}

/// Measures one call and records it exactly once.
struct Meter {
    caller: Caller,
    phase: Phase,
    model: String,
    call_id: CallId,
    began: Instant,
    began_at: chrono::DateTime<chrono::Utc>,
    ttft: Option<Duration>,
    recorded: bool,
}

impl Meter {
    fn start(caller: Caller, phase: Phase, model: String) -> Self {
        let (call_id, began_at) = (CallId::new(&caller.clock), caller.clock.now());
        Self {
            caller,
            phase,
            model,
            call_id,
            began: Instant::now(),
            began_at,
            ttft: None,
            recorded: false,
        }
    }

    fn first_token(&mut self) {
        self.ttft.get_or_insert_with(|| self.began.elapsed());
    }

    fn succeed(&mut self, completion: &Completion) {
        self.record(Status::Success, completion.usage, None);
    }

    /// A call that failed. What it used is known only when it was refused before it began.
    fn fail(&mut self, error: &LlmError, usage: Option<Usage>) {
        let status = if error.is_timeout() {
            Status::Timeout
        } else {
            Status::Error
        };
        self.record(status, usage, Some(error.to_string()));
    }

    fn record(&mut self, status: Status, usage: Option<Usage>, error_message: Option<String>) {
        if std::mem::replace(&mut self.recorded, true) {
            return;
        }
        let cost = self.caller.ledger.record(Call {
            call_id: self.call_id,
            org_id: self.caller.org_id.clone(),
            user_id: self.caller.user_id.clone(),
            run_id: self.caller.run_id,
            trace_id: self.caller.trace_id.clone(),
            session_id: self.caller.session_id.clone(),
            phase: self.phase,
            provider: self.caller.provider_name.clone(),
            model: self.model.clone(),
            usage,
            status,
            error_message,
            latency: self.began.elapsed(),
            ttft: self.ttft,
            created_at: self.began_at,
            task_type: Some(self.caller.task_type.to_owned()),
        });
        let usage = usage.filter(|usage| is_plausible(*usage));
        let spending = &self.caller.spending;
        spending.add(usage, cost.map(|cost| cost.total));
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.record(Status::Cancelled, None, None);
    }
}
