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
//! [`Runner::execute`] races the work against the user, the clock and the end of the process. When
//! one of them wins, every wait of the work ends ([`Runner::unless_halted`]) and a tool that is
//! running has a moment to say how far it came; then the work's future is dropped. The state it
//! worked on lives in [`Runner`] and is whole at every await, so the end can be told truthfully.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::agent::checking::{Baseline, Checked};
use crate::agent::context;
use crate::agent::ending::Ended;
use crate::agent::event::{Event, Phase, Verification};
use crate::agent::journal::{Entry, Journal, JournalLost};
use crate::agent::model::{Run, RunLimits, Stopped, Tokens, ToolCallId};
use crate::agent::model_call::{Answer, Caller};
use crate::agent::output::LiveOutput;
use crate::agent::plan::Progress;
use crate::agent::prompt::{self, Reach};
use crate::agent::service::Services;
use crate::agent::tally::Tally;
use crate::agent::tools::context::ToolContext;
use crate::auth::principal::Principal;
use crate::llm::error::LlmError;
use crate::llm::model::{Message, StopReason};
use crate::llm::route::Route;

/// How often an answer that hit the length limit may be continued within a run.
const MAX_CONTINUATIONS: u32 = 3;

/// The part of the window that what was said before the run may take, as a divisor.
const HISTORY_SHARE: usize = 4;

/// How long a tool that is running may take to say how far it came, when the run ends around it.
const LAST_WORDS: Duration = Duration::from_secs(1);

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
    /// The log is lost; what is left to tell is told without this run, see [`crate::agent::lost`].
    JournalLost,
}

/// One run under way: everything it knows, and everything it may use.
pub struct Runner {
    pub(super) run: Run,
    pub(super) principal: Principal,
    pub(super) services: Services,
    pub(super) route: Route,
    pub(super) reach: Reach,
    pub(super) limits: RunLimits,
    pub(super) journal: Journal,
    /// Cancelled when the run is to end, for whatever reason. The tools look at the same one.
    pub(super) halted: CancellationToken,
    pub(super) tools: Option<ToolContext>,
    pub(super) output: LiveOutput,
    pub(super) messages: Vec<Message>,
    /// Where the first user message stands in `messages`; it and what precedes it is never compacted.
    pub(super) goal: usize,
    /// The place of the next message in the stored conversation, which is never compacted.
    pub(super) position: i32,
    pub(super) progress: Option<Progress>,
    pub(super) tally: Tally,
    pub(super) baseline: Baseline,
    pub(super) verification: Verification,
    pub(super) last_text: String,
    /// Calls that were shown and have no result yet.
    pub(super) open_calls: Vec<(ToolCallId, String)>,
    pub(super) iteration: u32,
    pub(super) continuations: u32,
    pub(super) began: Instant,
}

impl Runner {
    /// Works until the run is over, and writes its end.
    pub async fn execute(
        mut self,
        cancel: CancellationToken,
        stopping: CancellationToken,
    ) -> Ended {
        let outcome = self.race(&cancel, &stopping).await;
        if let Some(tools) = &self.tools {
            tools.kill_everything().await;
        }
        self.end(outcome, &stopping).await
    }

    async fn race(&mut self, cancel: &CancellationToken, stopping: &CancellationToken) -> Outcome {
        let (runtime, halted) = (self.limits.runtime, self.halted.clone());
        let mut work = std::pin::pin!(self.work());
        let outcome = tokio::select! {
            biased;
            () = cancel.cancelled() => Outcome::Stopped(Stopped::Cancelled),
            () = stopping.cancelled() => Outcome::Interrupted,
            () = sleep(runtime) => Outcome::Stopped(Stopped::RuntimeCap),
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
    pub(super) async fn unless_halted<T>(&self, wait: impl Future<Output = T>) -> Result<T, Halt> {
        self.halted
            .run_until_cancelled(wait)
            .await
            .ok_or(Halt::Stopped(Stopped::Cancelled))
    }

    async fn work(&mut self) -> Result<(), Halt> {
        let run_id = self.run.id;
        self.journal
            .event(Event::Status {
                status: Phase::Planning,
                task_id: Some(run_id),
                reason: None,
                prompt_id: None,
            })
            .await?;
        let chunks = self.retrieve().await?;
        let plan = self.plan(&chunks).await?;
        let for_history = self.window_budget() / HISTORY_SHARE;
        context::keep_newest(&mut self.messages, for_history);
        self.goal = self.messages.len();
        let first = prompt::first_message(&self.run.task, &plan, &chunks);
        self.say(first).await?;
        self.journal.event(Event::status(Phase::Executing)).await?;
        for iteration in 1..=self.limits.iterations {
            self.iteration = iteration;
            self.converse().await?;
            match self.check().await? {
                Checked::Done => return Ok(()),
                Checked::Stop(stopped) => return Err(Halt::Stopped(stopped)),
                Checked::Again { reason, message } => {
                    if iteration == self.limits.iterations {
                        break;
                    }
                    self.journal.event(Event::status(Phase::Fixing)).await?;
                    let max = self.limits.iterations;
                    let next = Event::Iteration {
                        iteration: iteration + 1,
                        max,
                        reason,
                    };
                    self.journal.event(next).await?;
                    self.say(Message::user(message)).await?;
                }
            }
        }
        Err(Halt::Stopped(Stopped::MaxIterations))
    }

    /// Turns, until the model answers without asking for a tool.
    async fn converse(&mut self) -> Result<(), Halt> {
        loop {
            let answer = self.turn().await?;
            let stop = answer.completion.as_ref().map(|completion| completion.stop);
            if !answer.text.trim().is_empty() {
                self.last_text.clone_from(&answer.text);
            }
            if let Some(progress) = &mut self.progress {
                let events = progress.read(&answer.text);
                self.journal.events(events).await?;
            }
            let Answer {
                text,
                tool_calls,
                completion,
            } = answer;
            let is_empty = text.trim().is_empty();
            let replay = completion.and_then(|completion| completion.replay);
            let calls = tool_calls.clone();
            self.say(Message::Assistant {
                text,
                tool_calls: calls,
                replay,
            })
            .await?;
            if !tool_calls.is_empty() {
                self.act(tool_calls).await?;
                continue;
            }
            match stop {
                Some(StopReason::End | StopReason::ToolCalls) | None if is_empty => {
                    let error = "the model answered nothing; ask again, or choose another model";
                    self.error(error, "MODEL_ANSWER_EMPTY").await?;
                    return Err(Halt::Stopped(Stopped::ModelError));
                }
                Some(StopReason::MaxTokens) => {
                    if self.continuations == MAX_CONTINUATIONS {
                        let error = "the model's answers end at its length limit again and again; \
                                     split the task, or choose a model with longer answers";
                        self.error(error, "MODEL_ANSWER_TOO_LONG").await?;
                        return Err(Halt::Stopped(Stopped::ModelError));
                    }
                    self.continuations += 1;
                    let message = "Your answer was cut off at its length limit. Go on from there.";
                    self.say(Message::user(message)).await?;
                }
                Some(StopReason::Refused) => {
                    let error = "the model's provider withheld the answer; rephrase the request \
                                 or choose another model";
                    self.error(error, "MODEL_REFUSED").await?;
                    return Err(Halt::Stopped(Stopped::ModelError));
                }
                Some(StopReason::End | StopReason::ToolCalls) | None => return Ok(()),
            }
        }
    }

    pub(super) async fn model_failed<T>(&self, error: &LlmError) -> Result<T, Halt> {
        self.error(&error.to_string(), error.code()).await?;
        Err(Halt::Stopped(Stopped::ModelError))
    }

    /// Tells the client that something failed.
    pub(super) async fn error(&self, error: &str, code: &str) -> Result<(), Halt> {
        let event = Event::Error {
            error: error.to_owned(),
            code: code.to_owned(),
        };
        Ok(self.journal.event(event).await?)
    }

    /// Adds a message to the conversation, and to what is stored of it.
    pub(super) async fn say(&mut self, message: Message) -> Result<(), Halt> {
        let entry = self.entry(&message);
        self.journal.write(vec![entry]).await?;
        self.said(message);
        Ok(())
    }

    /// A message as it is stored next; once it is handed over, [`Self::said`].
    pub(super) fn entry(&self, message: &Message) -> Entry {
        Entry::Message {
            position: self.position,
            message: message.clone(),
        }
    }

    /// The message of [`Self::entry`] was handed over.
    pub(super) fn said(&mut self, message: Message) {
        self.position += 1;
        self.messages.push(message);
    }

    pub(super) async fn thinking(&self, message: &str) -> Result<(), Halt> {
        let timestamp = self.services.clock.millis();
        let event = Event::ThinkingProgress {
            message: message.to_owned(),
            timestamp,
        };
        Ok(self.journal.event(event).await?)
    }

    pub(super) fn caller(&self) -> Caller {
        Caller {
            provider: self.route.provider.clone(),
            provider_name: self.run.model.provider.clone(),
            org_id: self.run.org_id.clone(),
            user_id: self.run.user_id.clone(),
            run_id: Some(self.run.id.0),
            session_id: self.run.task.conversation_id.map(|id| id.to_string()),
            ledger: self.services.ledger.clone(),
            clock: self.services.clock.clone(),
            task_type: "autonomous",
            spending: self.tally.spending.clone(),
        }
    }

    pub(super) fn tokens(&self) -> Tokens {
        let usage = self.tally.spending.spent().usage;
        Tokens {
            input: usage.input,
            output: usage.output,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
        }
    }
}
