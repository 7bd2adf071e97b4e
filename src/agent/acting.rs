//! Doing what the model asked for: each call shown, recorded as intent, run, and answered.
//!
//! Every call gets exactly one result, whatever happens, because a provider refuses a conversation
//! in which one is missing.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use crate::agent::ask::Reply;
use crate::agent::context::head_and_tail;
use crate::agent::event::{Event, Phase, ToolCallData, ToolResultData};
use crate::agent::journal::Entry;
use crate::agent::model::{Stopped, ToolCallId};
use crate::agent::prompt::Reach;
use crate::agent::run::{Halt, Runner};
use crate::agent::tools::ask_user::Question;
use crate::agent::tools::context::ToolContext;
use crate::agent::tools::registry::{self, Effect, Outcome, Tool, ToolError};
use crate::llm::model::{Arguments, Message, ToolCall};

/// Reading tools that run at the same time.
const PARALLEL_READS: usize = 5;
/// The most of a result that the model sees, in bytes.
const MAX_MODEL_BYTES: usize = 48 * 1024;
/// The most of one string that an event shows, in bytes. Events are for watching.
const MAX_EVENT_STRING_BYTES: usize = 32 * 1024;

/// A call that is planned and shown, and waits to be run.
struct Planned {
    id: ToolCallId,
    call: ToolCall,
    /// The tool and its arguments, or what the model is told instead.
    work: Result<(Tool, Map<String, Value>), String>,
}

/// What came of a call.
struct Done {
    result: Map<String, Value>,
    effects: Vec<Effect>,
}

impl Done {
    fn told(error: &str) -> Self {
        Self::of(json!({ "success": false, "error": error }))
    }

    fn of(result: Value) -> Self {
        let Outcome { result, effects } = Outcome::new(result, Vec::new());
        Self { result, effects }
    }

    fn succeeded(&self) -> bool {
        self.result
            .get("success")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }
}

impl Runner {
    /// Runs the calls of one turn: neighbours that only read at the same time, all others one by
    /// one, results in the order of the calls. Calls beyond the run's limit are not even shown.
    pub(super) async fn act(&mut self, calls: Vec<ToolCall>) -> Result<(), Halt> {
        let left = self.limits.tool_calls.saturating_sub(self.tally.tool_calls);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let too_many = calls.len() > left;
        let mut reads = Vec::new();
        for call in calls.into_iter().take(left) {
            let planned = self.plan_call(call);
            let reads_only = matches!(&planned.work, Ok((tool, _)) if tool.is_read_only());
            if reads_only {
                reads.push(planned);
                continue;
            }
            self.run_reads(std::mem::take(&mut reads)).await?;
            self.run_one(planned).await?;
        }
        self.run_reads(reads).await?;
        if too_many {
            return Err(Halt::Stopped(Stopped::ToolCallLimit));
        }
        Ok(())
    }

    fn plan_call(&self, call: ToolCall) -> Planned {
        let work = match (&call.arguments, Tool::named(&call.name)) {
            (Arguments::Invalid { reason, .. }, _) => Err(format!(
                "the arguments are not a JSON object ({reason}); nothing was run, send the call \
                 again"
            )),
            (Arguments::Object { .. }, None) => Err(format!(
                "there is no tool `{}`; use one of the tools offered",
                call.name
            )),
            (Arguments::Object { object }, Some(tool)) => match self.may_use(tool) {
                Ok(()) => Ok((tool, object.clone())),
                Err(reason) => Err(reason),
            },
        };
        Planned {
            id: ToolCallId::new(&self.services.clock),
            call,
            work,
        }
    }

    fn may_use(&self, tool: Tool) -> Result<(), String> {
        match self.reach {
            Reach::Full => Ok(()),
            Reach::ReadOnly if tool.is_read_only() => Ok(()),
            Reach::ReadOnly => Err(format!(
                "this run may only read; `{}` is not available in it",
                tool.name()
            )),
            Reach::NoWorkspace => Err("no workspace is open, so there are no tools".to_owned()),
        }
    }

    async fn run_reads(&mut self, planned: Vec<Planned>) -> Result<(), Halt> {
        if planned.is_empty() {
            return Ok(());
        }
        for call in &planned {
            self.announce(call).await?;
        }
        self.journal.commit().await?;
        let Some(tools) = self.tools.clone() else {
            return Ok(());
        };
        let gate = Arc::new(Semaphore::new(PARALLEL_READS));
        let work = planned.iter().map(|planned| {
            let (gate, tools) = (gate.clone(), tools.clone());
            async move {
                let _place = gate.acquire().await;
                execute(planned, &tools).await
            }
        });
        let results = self.output.during(join_all(work)).await?;
        for (planned, result) in planned.into_iter().zip(results) {
            self.finish_call(planned, result?).await?;
        }
        Ok(())
    }

    async fn run_one(&mut self, planned: Planned) -> Result<(), Halt> {
        self.announce(&planned).await?;
        let done = match &planned.work {
            Err(told) => Done::told(told),
            Ok((Tool::AskUser, arguments)) => self.ask_user(arguments).await?,
            Ok((_, _)) => {
                self.measure_baseline().await?;
                self.journal
                    .write(vec![Entry::ToolStarted(planned.id)])
                    .await?;
                // The intent is durable before the effect begins.
                self.journal.commit().await?;
                let Some(tools) = self.tools.clone() else {
                    return Ok(());
                };
                self.output.during(execute(&planned, &tools)).await??
            }
        };
        self.finish_call(planned, done).await
    }

    /// Shows and records a call before it runs.
    async fn announce(&mut self, planned: &Planned) -> Result<(), Halt> {
        if self.halted.is_cancelled() {
            return Err(Halt::Stopped(Stopped::Cancelled));
        }
        let position = i32::try_from(self.tally.tool_calls + 1).unwrap_or(i32::MAX);
        let call = &planned.call;
        let arguments = match &call.arguments {
            Arguments::Object { object } => Value::Object(object.clone()),
            Arguments::Invalid { raw, .. } => Value::String(raw.clone()),
        };
        let tool_call = ToolCallData {
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: shortened(arguments),
        };
        let timestamp = self.services.clock.millis();
        let shown = Event::ToolCall {
            tool_call,
            timestamp,
        };
        let intent = Entry::ToolPlanned {
            id: planned.id,
            position,
            call: call.clone(),
        };
        self.journal
            .write(vec![intent, Entry::Event(shown)])
            .await?;
        self.tally.tool_calls += 1;
        self.open_calls.push((planned.id, call.id.clone()));
        Ok(())
    }

    async fn finish_call(&mut self, planned: Planned, done: Done) -> Result<(), Halt> {
        self.tally.add_effects(&done.effects);
        let is_error = !done.succeeded();
        let text = serde_json::to_string(&done.result).unwrap_or_default();
        let answer = Message::ToolResult {
            call_id: planned.call.id.clone(),
            content: head_and_tail(&text, MAX_MODEL_BYTES),
            is_error,
        };
        let mut entries = self.closing(planned.id, planned.call.id, done.result);
        entries.push(self.entry(&answer));
        self.journal.write(entries).await?;
        self.open_calls.retain(|(open, _)| *open != planned.id);
        self.said(answer);
        Ok(())
    }

    /// What shows and records the result of a call.
    pub(super) fn closing(
        &self,
        id: ToolCallId,
        call_id: String,
        result: Map<String, Value>,
    ) -> Vec<Entry> {
        let timestamp = self.services.clock.millis();
        let whole = Value::Object(result);
        let shown = match shortened(whole.clone()) {
            Value::Object(result) => result,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        };
        let tool_result = ToolResultData {
            id: call_id,
            result: shown,
        };
        let shown = Event::ToolResult {
            tool_result,
            timestamp,
        };
        vec![
            Entry::ToolFinished { id, result: whole },
            Entry::Event(shown),
        ]
    }

    async fn ask_user(&mut self, arguments: &Map<String, Value>) -> Result<Done, Halt> {
        let question = match Question::parse(arguments) {
            Ok(question) => question,
            Err(told) => return Ok(Done::told(&told.to_string())),
        };
        let (org_id, user_id) = (self.run.org_id.clone(), self.run.user_id.clone());
        let mut data = question.data();
        let timeout = Duration::from_secs(question.timeout_seconds);
        let prompts = self.services.prompts.clone();
        let asked = Value::Object(data.clone());
        let opened = prompts
            .open(&org_id, &user_id, self.run.id, asked, timeout)
            .await;
        let id = match opened {
            Ok(id) => id,
            Err(error) => return self.internal(&error).await,
        };
        data.insert("prompt_id".to_owned(), Value::String(id.to_string()));
        let timestamp = self.services.clock.millis();
        self.journal
            .event(Event::PromptRequest { data, timestamp })
            .await?;
        let waiting = Event::Status {
            status: Phase::AwaitingUserInput,
            task_id: None,
            reason: None,
            prompt_id: Some(id.to_string()),
        };
        self.journal.event(waiting).await?;
        let wait = prompts.wait(&org_id, &user_id, id, timeout);
        let reply = match self.unless_halted(wait).await? {
            Ok(reply) => reply,
            Err(error) => return self.internal(&error).await,
        };
        self.journal.event(Event::status(Phase::Executing)).await?;
        Ok(match reply {
            Reply::Answered(response) => Done::of(json!({ "success": true, "response": response })),
            Reply::Cancelled => Done::told("the user does not want to answer"),
            Reply::Expired => Done::told("nobody answered in time; go on without the answer"),
        })
    }

    /// Ends the run for a failure of ours, which is logged here and shown without its cause.
    pub(super) async fn internal<T>(
        &self,
        error: &(dyn std::error::Error + Sync),
    ) -> Result<T, Halt> {
        tracing::error!(run.id = %self.run.id, %error, "a run failed on our side");
        self.error(
            "something failed on the server; the run's id finds it in the log",
            "INTERNAL",
        )
        .await?;
        Err(Halt::Stopped(Stopped::InternalError))
    }
}

/// Runs one call. The model's mistakes are told to the model; ours end the run.
async fn execute(planned: &Planned, tools: &ToolContext) -> Result<Done, Halt> {
    let (tool, arguments) = match &planned.work {
        Ok(work) => work,
        Err(told) => return Ok(Done::told(told)),
    };
    match registry::execute(*tool, &planned.call.id, arguments.clone(), tools).await {
        Ok(Outcome { result, effects }) => Ok(Done { result, effects }),
        Err(ToolError::Tell(told)) => Ok(Done::told(&told)),
        Err(ToolError::Cancelled) => Err(Halt::Stopped(Stopped::Cancelled)),
        Err(ToolError::Stop(reason)) => {
            tracing::error!(tool = tool.name(), reason, "a tool failed on our side");
            Err(Halt::Stopped(Stopped::InternalError))
        }
    }
}

/// The same value with its long strings cut in the middle.
fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(head_and_tail(&text, MAX_EVENT_STRING_BYTES)),
        Value::Array(items) => Value::Array(items.into_iter().map(shortened).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| (key, shortened(value)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}
