//! One run under way: its data, and the primitives that its steps are made of.
//!
//! The steps themselves are functions over [`Runner`], in the folders beside this one.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::agent::deps::Deps;
use crate::agent::model_call::CallContext;
use crate::agent::prompt::compaction::window_budget;
use crate::agent::repository::model::ShownWords;
use crate::agent::runner::file_watch::FileWatch;
use crate::agent::runner::live_output::LiveOutput;
use crate::agent::runner::state::{Baseline, RunState};
use crate::agent::runner::transcript::Transcript;
use crate::llm::error::LlmError;
use crate::llm::model::Message;
use crate::llm::route::Route;
use crate::platform::json::to_jsonb;
use crate::platform::sync::lock;
use crate::platform::traces::context::TraceContext;
use crate::policy::secret_files::SecretFiles;
use crate::runs::event::Event;
use crate::runs::event_data::{PauseReason, ResumeReason};
use crate::runs::log::entry::{Entry, JournalLost, Prior};
use crate::runs::log::journal::Journal;
use crate::runs::model::{Run, RunLimits, ToolAccess};
use crate::runs::outcome::Stopped;
use crate::runs::pieces::Pieces;
use crate::runs::store::steps::OpenCall;
use crate::tools::context::ToolContext;

/// The longest wait of a run for the database.
const DATABASE_TIMEOUT: Duration = Duration::from_mins(5);
/// The pause between two tries.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why the work ends before the model says it is done.
#[derive(Debug)]
pub enum Halt {
    /// The run ends for this reason.
    Stopped(Stopped),
    /// The run pauses until its user wants it to go on.
    Paused(PauseReason),
    /// The log cannot be written; nothing more can be promised.
    JournalLost,
}

impl From<JournalLost> for Halt {
    fn from(_: JournalLost) -> Self {
        Self::JournalLost
    }
}

/// The way a run came to this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was started here, and its log has begun already.
    Started,
    /// It is a job that was taken from the queue, and begins.
    Dequeued,
    /// It goes on where another process left it.
    Resumed {
        /// Why that one did.
        reason: ResumeReason,
        /// The sequence number up to which the log agrees with the conversation.
        settled: i64,
    },
}

/// The causes from outside that end a run.
#[derive(Clone, Debug)]
pub struct RunEnds {
    /// Its user.
    pub cancel: CancellationToken,
    /// The end of this process.
    pub stopping: CancellationToken,
    /// The end of this process's lease.
    pub lost: CancellationToken,
}

/// The slot of a run among those that this process works on.
pub(crate) struct RunSlot {
    /// All slots of the process.
    pub(crate) slots: Arc<Semaphore>,
    /// The one that the run holds; none while it waits for a person.
    pub(crate) held: Option<OwnedSemaphorePermit>,
}

/// One run under way: everything it knows, and everything it may use.
pub struct Runner {
    pub(crate) run: Run,
    /// The number under which this process writes.
    pub(crate) fence: i64,
    pub(crate) origin: Origin,
    /// True if the log says how the run came here. One that was put back before that is as it was.
    pub(crate) has_entered: bool,
    pub(crate) deps: Deps,
    pub(crate) route: Route,
    pub(crate) access: ToolAccess,
    pub(crate) limits: RunLimits,
    pub(crate) journal: Journal,
    /// Cancelled when the run is to end, for whatever reason. The tools look at the same one.
    pub(crate) halted: CancellationToken,
    pub(crate) tools: Option<ToolContext>,
    pub(crate) output: LiveOutput,
    /// The repository's instructions and skills, for the first message of a run that begins.
    pub(crate) words: ShownWords,
    pub(crate) transcript: Transcript,
    /// The model's text on its way to the clients.
    pub(crate) pieces: Pieces,
    /// The state stored with every step.
    pub(crate) state: RunState,
    pub(crate) baseline: Baseline,
    /// The watch over the workspace's files.
    pub(crate) watch: FileWatch,
    /// Calls that another process left behind without a result.
    pub(crate) left_behind: Vec<OpenCall>,
    pub(crate) began: Instant,
    /// The time that it waited for providers, which its limit of time leaves out.
    pub(crate) waited: WaitTotal,
    pub(crate) slot: RunSlot,
}

/// A time that a run waited; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct WaitTotal(Arc<Mutex<Duration>>);

impl WaitTotal {
    /// Begins with what the run waited before.
    pub(crate) fn from(waited: Duration) -> Self {
        Self(Arc::new(Mutex::new(waited)))
    }

    /// Adds a pause that is about to begin.
    pub(crate) fn add(&self, pause: Duration) {
        let mut total = lock(&self.0);
        *total = total.saturating_add(pause);
    }

    /// All pauses together.
    pub(crate) fn total(&self) -> Duration {
        *lock(&self.0)
    }
}

impl Runner {
    /// Awaits something that may take long, but not beyond the end of the run.
    pub(crate) async fn unless_halted<T>(&self, wait: impl Future<Output = T>) -> Result<T, Halt> {
        self.halted
            .run_until_cancelled(wait)
            .await
            .ok_or(Halt::Stopped(Stopped::Cancelled))
    }

    /// Waits for a person, or for a provider that is away. Gives up the run's slot meanwhile, because both
    /// are slow and slots are shared by all organisations, and acquires one again before continuing.
    pub(crate) async fn wait_without_slot<T>(
        &mut self,
        wait: impl Future<Output = T>,
    ) -> Result<T, Halt> {
        self.slot.held = None;
        let answer = self.unless_halted(wait).await?;
        let slot = self.slot.slots.clone().acquire_owned();
        self.slot.held = self.unless_halted(slot).await?.ok();
        Ok(answer)
    }

    /// Tries something again that needs the database: one that is away for a moment does not end the
    /// run.
    pub(crate) async fn retry_database<T, E, F>(&mut self, work: impl Fn() -> F) -> Result<T, Halt>
    where
        E: std::error::Error + Sync,
        F: Future<Output = Result<T, E>>,
    {
        let give_up = Instant::now() + DATABASE_TIMEOUT;
        loop {
            match self.unless_halted(work()).await? {
                Ok(found) => return Ok(found),
                Err(error) if Instant::now() < give_up => {
                    tracing::warn!(run.id = %self.run.id, %error, "a run waits for the database");
                    self.unless_halted(sleep(RETRY_AFTER)).await?;
                }
                Err(error) => return self.internal(&error).await,
            }
        }
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

    /// Ends the run for a model that could not be asked.
    pub(crate) async fn model_failed<T>(&mut self, error: &LlmError) -> Result<T, Halt> {
        self.error(&error.to_string(), error.code()).await?;
        Err(Halt::Stopped(Stopped::ModelError))
    }

    /// Tells the client that something failed.
    pub(crate) async fn error(&mut self, error: &str, code: &str) -> Result<(), Halt> {
        self.state.last_error = Some(error.to_owned());
        let event = Event::Error {
            error: error.to_owned(),
            code: code.to_owned(),
        };
        Ok(self.journal.event(event).await?)
    }

    /// Tells the client what the run does before there is anything else to see.
    pub(crate) async fn thinking(&self, message: &str) -> Result<(), Halt> {
        let timestamp = self.deps.clock.millis();
        let event = Event::ThinkingProgress {
            message: message.to_owned(),
            timestamp,
        };
        Ok(self.journal.event(event).await?)
    }

    /// Adds a message to the conversation, and to what is stored of it.
    pub(crate) async fn append(&mut self, message: Message) -> Result<(), Halt> {
        let entry = self.transcript.entry(&message);
        self.record(vec![entry]).await?;
        self.transcript.push(message);
        Ok(())
    }

    /// Writes a step, together with how far the run has come by it.
    pub(crate) async fn record(&self, mut entries: Vec<Entry>) -> Result<(), Halt> {
        let state = RunState {
            worked: self.worked(),
            waited: self.waited.total(),
            ports: self.ports(),
            ..self.state.clone()
        };
        entries.push(Entry::State(to_jsonb(&state)));
        Ok(self.journal.write(entries).await?)
    }

    /// The time the run was worked on, by all processes that did.
    pub(crate) fn worked(&self) -> Duration {
        self.state.worked + self.began.elapsed()
    }

    /// The ports of the run's own servers.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let tools = self.tools.as_ref();
        tools.map(|tools| tools.servers.ports()).unwrap_or_default()
    }

    /// Has the calls so far written before what they answered is: a process that goes on with the
    /// conversation finds what it has cost.
    pub(crate) fn ledger(&self) -> Entry {
        let ledger = self.deps.ledger.clone();
        Entry::After(Prior::new(async move { ledger.settled().await }))
    }

    /// The files that no prompt shows unasked.
    pub(crate) fn secret_files(&self) -> SecretFiles {
        match &self.tools {
            Some(tools) => tools.policy.secret_files(tools.workspace.root()),
            None => self.deps.tools.policy.secret_files(Path::new("/")),
        }
    }

    /// Tokens that a request to the run's model may take, as far as its provider has not said otherwise.
    pub(crate) fn window_budget(&self) -> usize {
        let said = self.route.provider.window(&self.route.provider_model);
        window_budget(&Route {
            context_window: said.map_or(self.route.context_window, |window| {
                window.min(self.route.context_window)
            }),
            ..self.route.clone()
        })
    }

    /// The folder of the run's workspace as people know it; empty without one.
    pub(crate) fn workspace_name(&self) -> String {
        let tools = self.tools.as_ref();
        let root = tools.map(|tools| tools.workspace.root().to_string_lossy().into_owned());
        root.unwrap_or_default()
    }

    /// Who asks the model, and where the record of a call goes.
    pub(crate) fn call_context(&self) -> CallContext {
        CallContext {
            provider: self.route.provider.clone(),
            provider_name: self.run.model.provider.clone(),
            org_id: self.run.org_id.clone(),
            user_id: self.run.user_id.clone(),
            run_id: Some(self.run.id),
            trace_id: self.run.trace_id.clone(),
            trace: TraceContext::current(),
            session_id: self.run.task.conversation_id.map(|id| id.to_string()),
            ledger: self.deps.ledger.clone(),
            clock: self.deps.clock.clone(),
            task_type: "autonomous",
            spent: self.state.usage.spent.clone(),
            // A run waits by itself, where it can be watched and cancelled.
            patience: Duration::ZERO,
        }
    }
}
