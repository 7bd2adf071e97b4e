//! One call to a model: streamed on as it arrives, measured, priced and recorded whatever its
//! outcome, also when it is dropped halfway.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};

use crate::agent::deps::Deps;
use crate::agent::spend::SpendTotal;
use crate::agent::tries::Tries;
use crate::auth::principal::Principal;
use crate::ledger::model::{Call, CallId, CallPhase, Status, usage_when_refused};
use crate::ledger::service::{Ledger, is_plausible};
use crate::llm::error::LlmError;
use crate::llm::model::{ChatRequest, Completion, StreamEvent, ToolCall, Usage};
use crate::llm::provider::{EventStream, Provider};
use crate::llm::route::Route;
use crate::platform::clock::Clock;
use crate::platform::ids::{OrgId, RunId, UserId};
use crate::platform::logging::TraceId;
use crate::platform::traces::context::{TraceContext, TraceSpan};
use crate::platform::traces::gen_ai;
use crate::platform::traces::gen_ai::ModelQuestion;

/// The most of a burst that is read at once, in bytes.
const MAX_READY: usize = 16 * 1024;

/// Who calls, which model, and where the record goes.
#[derive(Clone)]
pub struct CallContext {
    /// The model's provider.
    pub provider: Arc<dyn Provider>,
    /// The provider's name, as recorded.
    pub provider_name: String,
    /// Whose call.
    pub org_id: OrgId,
    /// Who caused it.
    pub user_id: UserId,
    /// The run it belongs to, if any.
    pub run_id: Option<RunId>,
    /// The trace of the request that led to it.
    pub trace_id: Option<TraceId>,
    /// Where in a trace it is made.
    pub trace: TraceContext,
    /// The conversation it belongs to, if any.
    pub session_id: Option<String>,
    /// Where it is recorded.
    pub ledger: Ledger,
    /// For the moment of the call.
    pub clock: Clock,
    /// The kind of work the call is part of.
    pub task_type: &'static str,
    /// Where its tokens and cost are added up.
    pub spent: SpendTotal,
    /// The time that a provider that is overloaded or out of reach is waited for.
    pub patience: Duration,
}

impl CallContext {
    /// A caller of a route's model, outside of any run and conversation.
    pub fn new(deps: &Deps, principal: &Principal, route: &Route, task_type: &'static str) -> Self {
        Self {
            provider: route.provider.clone(),
            provider_name: route.provider_id.as_str().to_owned(),
            org_id: principal.org_id.clone(),
            user_id: principal.user_id.clone(),
            run_id: None,
            trace_id: None,
            trace: TraceContext::current(),
            session_id: None,
            ledger: deps.ledger.clone(),
            clock: deps.clock.clone(),
            task_type,
            spent: SpendTotal::default(),
            patience: deps.config.chat_patience(),
        }
    }
}

/// A question whose answer is shown while it comes.
pub(crate) struct ChatQuestion {
    context: CallContext,
    phase: CallPhase,
    tries: Tries,
}

impl ChatQuestion {
    /// A question that is asked again as long as the caller's patience lasts.
    pub(crate) fn new(context: CallContext, phase: CallPhase) -> Self {
        let tries = Tries::new(context.patience);
        Self {
            context,
            phase,
            tries,
        }
    }

    /// Asks until there is something to show, or a try fails. Whatever fails before that, hidden reasoning
    /// included, may be asked again ([`Self::pause`]); each try is a call of its own.
    pub(crate) async fn ask(&mut self, request: &ChatRequest) -> Result<ModelCall, LlmError> {
        loop {
            match ModelCall::start_with_something(&self.context, self.phase, request).await? {
                (_, true) if self.tries.may_ask_again() => {}
                (call, _) => return Ok(call),
            }
        }
    }

    /// The pause before a question that failed without a word is asked again; none when it may not be.
    pub(crate) fn pause(&mut self, error: &LlmError) -> Option<Duration> {
        self.tries.pause(error)
    }

    /// The pause before an answer that broke off after some of it was shown is asked for again; none when
    /// it may not be.
    pub(crate) fn pause_after_beginning(&mut self, error: &LlmError) -> Option<Duration> {
        self.tries.pause_after_beginning(error)
    }
}

/// A call under way. Dropping it ends the call and records it as cancelled.
pub struct ModelCall {
    events: EventStream,
    /// Events that were looked at, and not yet handed out.
    held: VecDeque<Result<StreamEvent, LlmError>>,
    /// True if no more will come.
    is_over: bool,
    meter: Meter,
}

impl ModelCall {
    /// Asks for a whole answer, of which nothing is shown before it is complete: so what breaks anywhere
    /// is asked again, as long as the caller's patience lasts. Who answers a client with it waits for the
    /// ledger first ([`Ledger::settled`]).
    pub async fn whole(
        context: &CallContext,
        phase: CallPhase,
        request: &ChatRequest,
    ) -> Result<Answer, LlmError> {
        let mut tries = Tries::new(context.patience);
        loop {
            match Self::ask_whole(context, phase, request).await {
                Ok(answer) if answer.is_empty() && tries.may_ask_again() => {}
                Ok(answer) => return Ok(answer),
                Err(error) => tries.after(error).await?,
            }
        }
    }

    async fn ask_whole(
        context: &CallContext,
        phase: CallPhase,
        request: &ChatRequest,
    ) -> Result<Answer, LlmError> {
        let call = Self::start(context, phase, request).await?;
        call.complete().await
    }

    /// A call that has read up to the first event that is shown, and whether it ended without one.
    async fn start_with_something(
        context: &CallContext,
        phase: CallPhase,
        request: &ChatRequest,
    ) -> Result<(Self, bool), LlmError> {
        let mut call = Self::start(context, phase, request).await?;
        loop {
            let event = match call.next().await {
                Some(event) => event?,
                None => return Err(call.cut_off()),
            };
            if matches!(event, StreamEvent::Reasoning { .. }) {
                continue;
            }
            let is_empty = matches!(event, StreamEvent::Done(_));
            call.held.push_back(Ok(event));
            return Ok((call, is_empty));
        }
    }

    fn cut_off(&mut self) -> LlmError {
        let error = LlmError::Truncated {
            provider: self.meter.context.provider.name(),
        };
        self.meter.fail(&error, None);
        error
    }

    /// Sends the request, once. An error is recorded before it is returned. Waits first while accounting
    /// cannot be written: what cannot be recorded is not spent.
    pub async fn start(
        context: &CallContext,
        phase: CallPhase,
        request: &ChatRequest,
    ) -> Result<Self, LlmError> {
        context.ledger.room().await;
        let mut meter = Meter::start(context.clone(), phase, request);
        match meter.span.around(context.provider.stream(request)).await {
            Ok(events) => Ok(Self {
                events,
                held: VecDeque::new(),
                is_over: false,
                meter,
            }),
            Err(error) => {
                meter.fail(&error, usage_when_refused(&error));
                Err(error)
            }
        }
    }

    /// The next event. After [`StreamEvent::Done`] or an error the call is recorded and over.
    pub async fn next(&mut self) -> Option<Result<StreamEvent, LlmError>> {
        if let Some(event) = self.held.pop_front() {
            return Some(event);
        }
        if self.is_over {
            return None;
        }
        let event = self.events.next().await;
        self.is_over = event.is_none();
        let event = event?;
        match &event {
            Ok(StreamEvent::Done(completion)) => self.meter.succeed(completion),
            Ok(_) => self.meter.first_token(),
            Err(error) => self.meter.fail(error, None),
        }
        Some(event)
    }

    /// The text that has come already, beyond the first piece of it: of a burst, as much as may be read at
    /// once. What comes after it is kept.
    pub fn ready_text(&mut self) -> String {
        let mut text = String::new();
        while text.len() < MAX_READY {
            match self.next().now_or_never().flatten() {
                Some(Ok(StreamEvent::Text { delta })) => text.push_str(&delta),
                Some(other) => {
                    self.held.push_front(other);
                    break;
                }
                None => break,
            }
        }
        text
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
        Err(self.cut_off())
    }
}

/// An answer of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Its text.
    pub text: String,
    /// The calls it asked for.
    pub tool_calls: Vec<ToolCall>,
    /// Its completion; always there once the answer is complete.
    pub completion: Option<Completion>,
}

impl Answer {
    /// True if there is nothing in it.
    fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.tool_calls.is_empty()
    }
}

/// Measures one call and records it exactly once.
struct Meter {
    context: CallContext,
    phase: CallPhase,
    model: String,
    call_id: CallId,
    began: Instant,
    began_at: chrono::DateTime<chrono::Utc>,
    ttft: Option<Duration>,
    recorded: bool,
    span: TraceSpan,
}

impl Meter {
    fn start(context: CallContext, phase: CallPhase, request: &ChatRequest) -> Self {
        let question = ModelQuestion {
            provider: &context.provider_name,
            model: &request.model,
            conversation: context.session_id.as_deref(),
            max_tokens: request.max_output_tokens,
            temperature: request.temperature,
        };
        let span = gen_ai::ask_model(&context.trace, &question);
        let (call_id, began_at) = (CallId::new(&context.clock), context.clock.now());
        Self {
            context,
            phase,
            model: request.model.clone(),
            call_id,
            began: Instant::now(),
            began_at,
            ttft: None,
            recorded: false,
            span,
        }
    }

    fn first_token(&mut self) {
        self.ttft.get_or_insert_with(|| self.began.elapsed());
    }

    fn succeed(&mut self, completion: &Completion) {
        let (model, reason) = (completion.model.as_deref(), completion.stop.as_str());
        gen_ai::model_answered(&self.span, model, reason);
        let has_answered = self.ttft.is_some();
        let usage = completion.usage;
        let usage = usage.filter(|usage| usage.is_measured(has_answered));
        self.record(Status::Success, usage, None);
    }

    /// A call that failed. What it used is known only when it was refused before it began.
    fn fail(&mut self, error: &LlmError, usage: Option<Usage>) {
        let status = if error.is_timeout() {
            Status::Timeout
        } else {
            Status::Error
        };
        self.span.fail(error.metric_label());
        self.record(status, usage, Some(error.to_string()));
    }

    fn record(&mut self, status: Status, usage: Option<Usage>, error_message: Option<String>) {
        if std::mem::replace(&mut self.recorded, true) {
            return;
        }
        let cost = self.context.ledger.record(Call {
            call_id: self.call_id,
            org_id: self.context.org_id.clone(),
            user_id: self.context.user_id.clone(),
            run_id: self.context.run_id,
            trace_id: self.context.trace_id.clone(),
            session_id: self.context.session_id.clone(),
            phase: self.phase,
            provider: self.context.provider_name.clone(),
            model: self.model.clone(),
            usage,
            status,
            error_message,
            latency: self.began.elapsed(),
            ttft: self.ttft,
            created_at: self.began_at,
            task_type: Some(self.context.task_type.to_owned()),
        });
        let usage = usage.filter(|usage| is_plausible(*usage));
        // Dropped here, the span ends where the measured time does.
        let span = std::mem::take(&mut self.span);
        if let Some(usage) = usage {
            gen_ai::used_tokens(&span, usage.into());
        }
        if let Some(waited) = self.ttft {
            gen_ai::first_chunk_after(&span, waited);
        }
        let spent = &self.context.spent;
        spent.add(usage, cost.map(|cost| cost.total));
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.span.fail("cancelled");
        self.record(Status::Cancelled, None, None);
    }
}
