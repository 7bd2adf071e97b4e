//! Doing what the model asked for: each call shown, recorded as intent, judged, run, and answered.
//!
//! Every call gets exactly one result, whatever happens, because a provider refuses a conversation
//! in which one is missing. A call that another process left behind goes on from where it was; see
//! [`crate::agent::calls::recover`].

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use crate::agent::calls::approve::Permit;
use crate::agent::calls::audit::ending;
use crate::agent::calls::recover::{Probe, Recovered};
use crate::agent::execution::run_loop::{Halt, Runner};
use crate::agent::prompt::messages::Reach;
use crate::audit::service::Open;
use crate::llm::model::{Arguments as Sent, ToolCall};
use crate::platform::ids::ConsentId;
use crate::platform::ids::ToolCallId;
use crate::policy::model::Verdict;
use crate::policy::request::Request;
use crate::runs::log::audience::Readers;
use crate::runs::log::journal::Entry;
use crate::runs::model::Stopped;
use crate::runs::store::steps::{CallProgress, OpenCall};
use crate::tools::arguments::Arguments;
use crate::tools::context::ToolContext;
use crate::tools::registry;
use crate::tools::tool::{Access, Tool};

use crate::tools::outcome::{Effect, Outcome, ToolError};

/// Reading tools that run at the same time.
const PARALLEL_READS: usize = 5;

/// A call that the model asked for.
pub(crate) struct Planned {
    pub(crate) id: ToolCallId,
    pub(crate) call: ToolCall,
    /// What is to be done, or what the model is told instead.
    work: Result<Deed, String>,
    /// What another process left of it.
    pub(crate) past: Option<OpenCall>,
}

/// A tool and what it is called with.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    pub(crate) tool: Arc<dyn Tool>,
    pub(crate) arguments: Map<String, Value>,
}

impl Deed {
    /// What the policy judges.
    pub(crate) fn request(&self) -> Request<'_> {
        self.tool.request(Arguments::of(&self.arguments))
    }
}

/// What came of a call.
pub(crate) struct Done {
    pub(crate) result: Map<String, Value>,
    pub(crate) effects: Vec<Effect>,
}

impl Done {
    pub(crate) fn told(error: &str) -> Self {
        Self::of(json!({ "success": false, "error": error }))
    }

    pub(crate) fn of(result: Value) -> Self {
        let Outcome { result, effects } = Outcome::new(result, Vec::new());
        Self { result, effects }
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.result
            .get("success")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }
}

impl Runner {
    /// Runs the calls of one turn: neighbours that only read at the same time, all others one by
    /// one, results in the order of the calls. Calls beyond the run's limit are not even shown.
    pub(crate) async fn act(&mut self, calls: Vec<ToolCall>) -> Result<(), Halt> {
        let left = self.limits.tool_calls.saturating_sub(self.tally.tool_calls);
        // Those that another process left behind were counted when they were shown.
        let left = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .saturating_add(self.left_behind.len());
        let too_many = calls.len() > left;
        let mut reads = Vec::new();
        for call in calls.into_iter().take(left) {
            let planned = self.plan_call(call);
            if self.is_free(&planned) {
                reads.push(planned);
                continue;
            }
            self.run_reads(std::mem::take(&mut reads)).await?;
            // One of the tools needs much room; the others should not be given it.
            Box::pin(self.run_one(planned)).await?;
        }
        self.run_reads(reads).await?;
        if too_many {
            return Err(Halt::Stopped(Stopped::ToolCallLimit));
        }
        Ok(())
    }

    fn plan_call(&mut self, call: ToolCall) -> Planned {
        let work = match (&call.arguments, self.services.tools.named(&call.name)) {
            (Sent::Invalid { reason, .. }, _) => Err(format!(
                "the arguments are not a JSON object ({reason}); nothing was run, send the call \
                 again"
            )),
            (Sent::Object { .. }, None) => Err(format!(
                "there is no tool `{}`; use one of the tools offered",
                call.name
            )),
            (Sent::Object { object }, Some(tool)) => self.may_use(&**tool).map(|()| Deed {
                tool: tool.clone(),
                arguments: object.clone(),
            }),
        };
        let left_behind = &mut self.left_behind;
        let past = left_behind.iter().position(|past| past.call_id == call.id);
        let past = past.map(|at| left_behind.remove(at));
        let id = match &past {
            Some(past) => past.id,
            None => ToolCallId::new(&self.services.clock),
        };
        Planned {
            id,
            call,
            work,
            past,
        }
    }

    /// Whether a call only reads and nobody has to be asked, so that it can run beside others.
    fn is_free(&self, planned: &Planned) -> bool {
        let Ok(deed) = &planned.work else {
            return false;
        };
        deed.tool.access() == Access::Read && self.judge(deed).verdict == Verdict::Allow
    }

    fn may_use(&self, tool: &dyn Tool) -> Result<(), String> {
        match self.reach {
            Reach::Full => Ok(()),
            Reach::ReadOnly if tool.access() == Access::Read => Ok(()),
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
        let mut entries = Vec::new();
        for call in &planned {
            entries.push(match &call.work {
                Ok(deed) => Some(self.begin_audit(call, deed, None).await?),
                Err(_) => None,
            });
        }
        let work = planned.iter().zip(entries).map(|(planned, entry)| {
            let (gate, tools) = (gate.clone(), tools.clone());
            async move {
                let _place = gate.acquire().await;
                match &planned.work {
                    Ok(deed) => execute(deed, &planned.call.id, &tools, entry).await,
                    Err(told) => Ok(Done::told(told)),
                }
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
        let done = match planned.work.clone() {
            Err(told) => Done::told(&told),
            Ok(deed) if deed.tool.access() == Access::Person => {
                self.ask_user(planned.id, &deed.arguments).await?
            }
            Ok(deed) => match &planned.past {
                Some(past) if past.progress == CallProgress::Started => {
                    self.recover(&planned, past, deed).await?
                }
                Some(_) | None => self.permit_and_run(&planned, deed).await?,
            },
        };
        self.finish_call(planned, done).await
    }

    /// Runs a call that began in another process, unless it is known what came of it.
    async fn recover(
        &mut self,
        planned: &Planned,
        past: &OpenCall,
        deed: Deed,
    ) -> Result<Done, Halt> {
        let probe = past.probe.clone().map(Probe::read).unwrap_or_default();
        let deed = probe.deed(&self.services.tools).unwrap_or(deed);
        // Rules may have become stricter since it began.
        if let Some(done) = self.forbids(&deed) {
            return Ok(done);
        }
        match self.what_became_of(planned, &probe, &deed).await? {
            Recovered::Done(done) => Ok(done),
            Recovered::Unhappened => self.run_permitted(planned, deed, None, None).await,
            Recovered::Unknown => match self.ask_to_repeat(planned, deed).await? {
                Permit::Go {
                    deed,
                    consent,
                    note,
                } => self.run_permitted(planned, deed, consent, note).await,
                Permit::No(done) => Ok(done),
            },
        }
    }

    /// What the effect will be recognised by.
    async fn foresee(&self, deed: &Deed, tools: &ToolContext) -> Probe {
        let (deed, judgement) = (deed.clone(), self.judge(deed));
        let (tools, records) = (tools.clone(), self.services.records.clone());
        let look = move || Probe::of(&deed, &judgement, &tools, &records);
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    async fn permit_and_run(&mut self, planned: &Planned, deed: Deed) -> Result<Done, Halt> {
        match self.permit(planned, deed.clone()).await? {
            Permit::Go {
                deed,
                consent,
                note,
            } => self.run_permitted(planned, deed, consent, note).await,
            Permit::No(done) => {
                self.note_refusal(planned, &deed);
                Ok(done)
            }
        }
    }

    /// Runs what may run: the intent is durable before the effect begins.
    async fn run_permitted(
        &mut self,
        planned: &Planned,
        deed: Deed,
        consent: Option<(ConsentId, [u8; 32])>,
        note: Option<String>,
    ) -> Result<Done, Halt> {
        self.measure_baseline().await?;
        let Some(mut tools) = self.tools.clone() else {
            return Ok(Done::told("no workspace is open, so there are no tools"));
        };
        if deed.request().writes_a_file() {
            // Clients copy the file for their Undo when they see the call, which they can now.
            self.journal.commit().await?;
            let read = self.services.followers.let_clients_read(self.run.id);
            if self.unless_halted(read).await? == Readers::Behind {
                tracing::debug!(run.id = %self.run.id, "a file changes before a slow client has read of it");
            }
        }
        let probe = self.foresee(&deed, &tools).await;
        if probe.needs_record() {
            tools.record = self.services.records.file(self.run.id, planned.id);
        }
        let (id, probe) = (planned.id, probe.to_value());
        let entry = self
            .begin_audit(planned, &deed, consent.map(|(id, _)| id))
            .await?;
        self.journal
            .write(vec![Entry::ToolStarted { id, probe, consent }])
            .await?;
        self.journal.commit().await?;
        // Otherwise another process may have taken the run since, and do this.
        self.unless_halted(self.services.lease.held()).await?;
        let work = execute(&deed, &planned.call.id, &tools, Some(entry));
        let mut done = self.output.during(work).await??;
        if let Some(note) = note {
            done.result.insert("note".to_owned(), Value::String(note));
        }
        Ok(done)
    }

    /// Ends the run for a failure of ours, which is logged here and shown without its cause.
    pub(crate) async fn internal<T>(
        &mut self,
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

/// Runs one call, and completes its entry in the audit log.
async fn execute(
    deed: &Deed,
    call_id: &str,
    tools: &ToolContext,
    entry: Option<Open>,
) -> Result<Done, Halt> {
    let done = outcome(deed, call_id, tools).await;
    if let Some(entry) = entry {
        entry.complete(ending(&done)).await;
    }
    done
}

/// The model's mistakes are told to the model; ours end the run.
async fn outcome(deed: &Deed, call_id: &str, tools: &ToolContext) -> Result<Done, Halt> {
    let (tool, arguments) = (&*deed.tool, deed.arguments.clone());
    match registry::execute(tool, call_id, arguments, tools).await {
        Ok(Outcome { result, effects }) => Ok(Done { result, effects }),
        Err(ToolError::Tell(told)) => Ok(Done::told(&told)),
        Err(ToolError::Cancelled) => Err(Halt::Stopped(Stopped::Cancelled)),
        Err(ToolError::Stop(reason)) => {
            tracing::error!(tool = tool.name(), reason, "a tool failed on our side");
            Err(Halt::Stopped(Stopped::InternalError))
        }
    }
}
