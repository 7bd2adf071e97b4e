//! The loop: plan, ask, act, verify, until done. The heart; read this.
//!
//! ```text
//! plan ─▶ turn ─▶ tool calls? ──yes─▶ act ─▶ turn …
//!                     │no
//!                     ▼
//!                  verify ──passed, or nothing to check─▶ completed
//!                     │failed
//!                     ▼
//!                  tell the model what failed, next iteration
//! ```
//!
//! [`Runner::execute`] races the work against the user, the clock, the lease and the end of the
//! process. When one of them wins, every wait of the work ends ([`Runner::unless_halted`]) and a tool
//! that is running has a moment to say how far it came; then the work's future is dropped. The state
//! it worked on lives in [`Runner`] and is whole at every await, so the end can be told truthfully.
//!
//! What comes next is read from the conversation itself ([`Runner::converse`]), never from where in this
//! code the run was. A run that goes on in another process enters the same loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::agent::finish::finish::Ended;
use crate::agent::intake::prepare::router_info;
use crate::agent::prompt::messages;
use crate::agent::prompt::messages::Reach;
use crate::agent::prompt::plan::Progress;
use crate::agent::runner::live_output::LiveOutput;
use crate::agent::runner::usage::Tally;
use crate::agent::service::{AgentService, Services};
use crate::agent::steps::verification::{Baseline, Checked, Rounds};
use crate::feedback::model::Exposure;
use crate::llm::model::{Message, StopReason};
use crate::llm::route::Route;
use crate::platform::ids::ToolCallId;
use crate::policy::service::Policy;
use crate::runs::event::Event;
use crate::runs::event_data::{Phase, ResumeReason, Verification};
use crate::runs::log::journal::{Entry, Journal, JournalLost};
use crate::runs::model::{Run, RunLimits, RunStatus, Stopped};
use crate::runs::pieces::Pieces;
use crate::runs::store::steps::OpenCall;
use crate::tools::context::ToolContext;

/// How long a tool that is running may take to say how far it came, when the run ends around it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long the database may be away when a run looks for what it asked before.
const MOST_AWAY: Duration = Duration::from_mins(5);

/// Why the work ends before the model says it is done.
#[derive(Debug)]
pub enum Halt {
    /// The run ends for this reason.
    Stopped(Stopped),
    /// The log cannot be written; nothing more can be promised.
    JournalLost,
}

impl From<JournalLost> for Halt {
    fn from(_: JournalLost) -> Self {
        Self::JournalLost
    }
}

/// How the race in [`Runner::execute`] ended.
#[derive(Debug)]
pub enum Outcome {
    /// The run is over.
    Stopped(Stopped),
    /// The process ends first; the run can be resumed.
    Interrupted,
    /// This process lost its lease; the run may be another's by now, which tells its end.
    LeaseLost,
    /// The log is lost; what is left to tell is told without this run, see
    /// [`crate::agent::finish::abandoned`].
    JournalLost,
}

/// How a run came to this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// It begins, and its log has begun already.
    Begun,
    /// It is a job, and begins.
    FirstTaken,
    /// It goes on where another process left it.
    Resumed {
        /// Why that one did.
        reason: ResumeReason,
        /// How far the log agrees with the conversation.
        settled: i64,
    },
}

/// What ends a run from outside.
#[derive(Clone, Debug)]
pub struct RunEnds {
    /// Its user.
    pub cancel: CancellationToken,
    /// The end of this process.
    pub stopping: CancellationToken,
    /// The end of this process's lease.
    pub lost: CancellationToken,
}

/// One run under way: everything it knows, and everything it may use.
pub struct Runner {
    pub(crate) run: Run,
    pub(crate) fence: i64,
    pub(crate) entrance: Entrance,
    /// Whether the log says how the run came here. One that was put back before that is as it was.
    pub(crate) has_entered: bool,
    pub(crate) services: Services,
    pub(crate) policy: Policy,
    pub(crate) route: Route,
    pub(crate) reach: Reach,
    pub(crate) limits: RunLimits,
    pub(crate) journal: Journal,
    /// Cancelled when the run is to end, for whatever reason. The tools look at the same one.
    pub(crate) halted: CancellationToken,
    pub(crate) tools: Option<ToolContext>,
    pub(crate) output: LiveOutput,
    pub(crate) messages: Vec<Message>,
    /// The model's text on its way to the clients.
    pub(crate) pieces: Pieces,
    /// Where the first user message stands in `messages`; it and what precedes it is never compacted.
    pub(crate) goal: usize,
    /// The place of the next message in the stored conversation, which is never compacted.
    pub(crate) position: i32,
    pub(crate) progress: Option<Progress>,
    pub(crate) tally: Tally,
    pub(crate) baseline: Baseline,
    pub(crate) rounds: Rounds,
    pub(crate) verification: Verification,
    /// Where what was learned is found.
    pub(crate) learning: AgentService,
    /// Which insights had a part in it.
    pub(crate) exposure: Exposure,
    pub(crate) last_text: String,
    pub(crate) last_error: Option<String>,
    /// Calls that were shown and have no result yet.
    pub(crate) open_calls: Vec<(ToolCallId, String)>,
    /// Those of them that another process left behind.
    pub(crate) left_behind: Vec<OpenCall>,
    /// Ports of servers that ran in another process, and ended with it.
    pub(crate) lost_ports: Vec<u16>,
    pub(crate) iteration: u32,
    pub(crate) continuations: u32,
    /// How the last answer ended.
    pub(crate) stop: Option<StopReason>,
    /// How long other processes worked on it.
    pub(crate) worked_before: Duration,
    pub(crate) began: Instant,
    /// Its place among the runs of this process; none while it waits for a person.
    pub(crate) place: Option<OwnedSemaphorePermit>,
    pub(crate) places: Arc<Semaphore>,
}

impl Runner {
    /// Works until the run is over, and writes its end.
    pub async fn execute(mut self, ends: &RunEnds) -> Ended {
        let outcome = self.race(ends).await;
        if let Some(tools) = &self.tools {
            tools.kill_everything().await;
        }
        self.end(outcome, &ends.stopping).await
    }

    async fn race(&mut self, ends: &RunEnds) -> Outcome {
        let left = self.limits.runtime.saturating_sub(self.worked_before);
        let halted = self.halted.clone();
        let mut work = std::pin::pin!(self.work());
        let outcome = tokio::select! {
            biased;
            () = ends.lost.cancelled() => Outcome::LeaseLost,
            () = ends.cancel.cancelled() => Outcome::Stopped(Stopped::Cancelled),
            () = ends.stopping.cancelled() => Outcome::Interrupted,
            () = sleep(left) => Outcome::Stopped(Stopped::RuntimeCap),
            ended = &mut work => return match ended {
                Ok(()) => Outcome::Stopped(Stopped::Completed),
                Err(Halt::Stopped(stopped)) => Outcome::Stopped(stopped),
                Err(Halt::JournalLost) => Outcome::JournalLost,
            },
        };
        halted.cancel();
        match timeout(LAST_WORDS, work).await {
            Ok(Err(Halt::JournalLost)) => Outcome::JournalLost,
            // Why the run ends is decided.
            Ok(Ok(()) | Err(Halt::Stopped(_))) | Err(_) => outcome,
        }
    }

    /// Awaits something that may take long, but not beyond the end of the run.
    pub(crate) async fn unless_halted<T>(&self, wait: impl Future<Output = T>) -> Result<T, Halt> {
        self.halted
            .run_until_cancelled(wait)
            .await
            .ok_or(Halt::Stopped(Stopped::Cancelled))
    }

    /// Awaits a person's word. Meanwhile somebody else has the run's place: people take their time, and
    /// all organisations share the places. It queues for one before it goes on.
    pub(crate) async fn word<T>(&mut self, wait: impl Future<Output = T>) -> Result<T, Halt> {
        self.place = None;
        let word = self.unless_halted(wait).await?;
        let place = self.places.clone().acquire_owned();
        self.place = self.unless_halted(place).await?.ok();
        Ok(word)
    }

    /// Looks something up. A database that is away for a moment does not end the run.
    pub(crate) async fn patiently<T, F>(&mut self, look: impl Fn() -> F) -> Result<T, Halt>
    where
        F: Future<Output = sqlx::Result<T>>,
    {
        let patience = Instant::now() + MOST_AWAY;
        loop {
            match self.unless_halted(look()).await? {
                Ok(found) => return Ok(found),
                Err(error) if Instant::now() < patience => {
                    tracing::warn!(run.id = %self.run.id, %error, "a run waits for the database");
                    self.unless_halted(sleep(Duration::from_secs(1))).await?;
                }
                Err(error) => return self.internal(&error).await,
            }
        }
    }

    async fn work(&mut self) -> Result<(), Halt> {
        self.enter().await?;
        if self.position == 0 {
            self.set_goal().await?;
        }
        self.journal.event(Event::status(Phase::Executing)).await?;
        loop {
            self.converse().await?;
            match self.check().await? {
                Checked::Done => return Ok(()),
                Checked::Stop(stopped) => return Err(Halt::Stopped(stopped)),
                Checked::Again { reason, message } => self.again(reason, message).await?,
            }
        }
    }

    /// Says how the run came here.
    async fn enter(&mut self) -> Result<(), Halt> {
        let events = match self.entrance {
            Entrance::Begun => return Ok(()),
            Entrance::FirstTaken => vec![
                Event::JobStarted {
                    message: "A worker begins with the job".to_owned(),
                },
                Event::RouterInfo {
                    router_info: router_info(&self.route, None, "autonomous"),
                },
            ],
            Entrance::Resumed { reason, settled } => vec![Event::JobResumed {
                reason,
                discard_after: settled,
                message: "The run goes on where it was".to_owned(),
            }],
        };
        // It may have waited for a person before; it says so again if it still does.
        let mut entries = vec![Entry::Status(RunStatus::Running)];
        entries.extend(events.into_iter().map(Entry::Event));
        self.journal.write(entries).await?;
        self.has_entered = true;
        Ok(())
    }

    /// Searches, plans, and puts the task into words for the model.
    async fn set_goal(&mut self) -> Result<(), Halt> {
        let run_id = self.run.id;
        self.journal
            .event(Event::Status {
                status: Phase::Planning,
                task_id: Some(run_id),
                reason: None,
                prompt_id: None,
            })
            .await?;
        if let Some(tools) = &self.tools {
            let workspace = tools.workspace.clone();
            let look = self.learning.look_back(&self.run.org_id, &workspace);
            self.unless_halted(look).await?;
        }
        let chunks = self.retrieve().await?;
        let plan = self.plan(&chunks).await?;
        self.settle_accounts().await;
        self.iteration = 1;
        let learned = self.learned(&chunks).await?;
        let first = messages::first_message(&self.run.task, &plan, &chunks, &learned);
        self.say(first).await
    }

    /// Begins another round with what has to be mended.
    async fn again(&mut self, reason: String, message: String) -> Result<(), Halt> {
        let max = self.limits.iterations;
        if self.iteration >= max {
            return Err(Halt::Stopped(Stopped::MaxIterations));
        }
        self.iteration += 1;
        let iteration = self.iteration;
        let message = Message::user(message);
        let entries = vec![
            Entry::Event(Event::status(Phase::Fixing)),
            Entry::Event(Event::Iteration {
                iteration,
                max,
                reason,
            }),
            self.entry(&message),
        ];
        self.record(entries).await?;
        self.said(message);
        Ok(())
    }
}
