//! The conversation with the model: what it asks for next, and how each step of it is kept.

use std::time::Duration;

use serde_json::Value;

use crate::agent::execution::run_loop::{Halt, Runner};
use crate::agent::model_call::Caller;
use crate::agent::runner::state::RunState;
use crate::llm::error::LlmError;
use crate::llm::model::{Message, StopReason, ToolCall};
use crate::platform::db::to_jsonb;
use crate::runs::event::Event;
use crate::runs::log::journal::Entry;
use crate::runs::model::{Stopped, Tokens};

/// How long a step waits for its call to be in the ledger.
const SETTLING: Duration = Duration::from_secs(1);
/// How often an answer that hit the length limit may be continued within a run.
const MAX_CONTINUATIONS: u32 = 3;

/// What a run does next.
#[derive(Debug)]
enum Next {
    /// Ask the model.
    Turn,
    /// Do what it asked for.
    Act(Vec<ToolCall>),
    /// Consider what it answered, which may be nothing.
    Consider {
        /// Whether it answered nothing.
        is_empty: bool,
    },
}

impl Runner {
    /// Turns, until the model answers without asking for a tool.
    pub(crate) async fn converse(&mut self) -> Result<(), Halt> {
        loop {
            match self.next() {
                Next::Turn => {
                    self.tell_of_lost_servers().await?;
                    self.take_turn().await?;
                }
                Next::Act(calls) => self.act(calls).await?,
                Next::Consider { is_empty } => {
                    if self.consider(is_empty).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// What the conversation asks for next.
    fn next(&self) -> Next {
        let since_goal = self.messages.get(self.goal..).unwrap_or_default();
        let mut answered = Vec::new();
        for message in since_goal.iter().rev() {
            match message {
                Message::ToolResult { call_id, .. } => answered.push(call_id),
                Message::User { .. } | Message::System { .. } => return Next::Turn,
                Message::Assistant {
                    text, tool_calls, ..
                } if tool_calls.is_empty() => {
                    return Next::Consider {
                        is_empty: text.trim().is_empty(),
                    };
                }
                Message::Assistant { tool_calls, .. } => {
                    // Results come in the order of the calls, so what is left is the end.
                    let left = tool_calls.get(answered.len()..).unwrap_or_default();
                    return match left {
                        [] => Next::Turn,
                        calls => Next::Act(calls.to_vec()),
                    };
                }
            }
        }
        Next::Turn
    }

    /// One question to the model, and its answer kept.
    async fn take_turn(&mut self) -> Result<(), Halt> {
        let answer = self.turn().await?;
        self.settle_accounts().await;
        if !answer.text.trim().is_empty() {
            self.last_text.clone_from(&answer.text);
        }
        let moved = match &mut self.progress {
            Some(progress) => progress.read(&answer.text),
            None => Vec::new(),
        };
        self.stop = answer.completion.as_ref().map(|completion| completion.stop);
        let message = Message::Assistant {
            text: answer.text,
            tool_calls: answer.tool_calls,
            replay: answer.completion.and_then(|completion| completion.replay),
        };
        let mut entries: Vec<_> = moved.into_iter().map(Entry::Event).collect();
        entries.push(self.entry(&message));
        self.record(entries).await?;
        self.said(message);
        Ok(())
    }

    /// Has the calls so far written before what they answered is: a process that goes on with the
    /// conversation finds what it has cost.
    pub(crate) async fn settle_accounts(&self) {
        if let Err(error) = self.services.ledger.flush(SETTLING).await {
            // They are written later, unless this process is lost first.
            tracing::warn!(run.id = %self.run.id, %error, "a call is not in the ledger yet");
        }
    }

    /// Considers an answer that asks for no tool. Answers whether the model is done.
    async fn consider(&mut self, is_empty: bool) -> Result<bool, Halt> {
        match self.stop {
            Some(StopReason::End | StopReason::ToolCalls) | None if is_empty => {
                let error = "the model answered nothing; ask again, or choose another model";
                self.error(error, "MODEL_ANSWER_EMPTY").await?;
                Err(Halt::Stopped(Stopped::ModelError))
            }
            Some(StopReason::MaxTokens) if self.continuations == MAX_CONTINUATIONS => {
                let error = "the model's answers end at its length limit again and again; \
                             split the task, or choose a model with longer answers";
                self.error(error, "MODEL_ANSWER_TOO_LONG").await?;
                Err(Halt::Stopped(Stopped::ModelError))
            }
            Some(StopReason::MaxTokens) => {
                self.continuations += 1;
                let message = "Your answer was cut off at its length limit. Go on from there.";
                self.say(Message::user(message)).await?;
                Ok(false)
            }
            Some(StopReason::Refused) => {
                let error = "the model's provider withheld the answer; rephrase the request \
                             or choose another model";
                self.error(error, "MODEL_REFUSED").await?;
                Err(Halt::Stopped(Stopped::ModelError))
            }
            Some(StopReason::End | StopReason::ToolCalls) | None => Ok(true),
        }
    }

    pub(crate) async fn model_failed<T>(&mut self, error: &LlmError) -> Result<T, Halt> {
        self.error(&error.to_string(), error.code()).await?;
        Err(Halt::Stopped(Stopped::ModelError))
    }

    /// Tells the client that something failed.
    pub(crate) async fn error(&mut self, error: &str, code: &str) -> Result<(), Halt> {
        self.last_error = Some(error.to_owned());
        let event = Event::Error {
            error: error.to_owned(),
            code: code.to_owned(),
        };
        Ok(self.journal.event(event).await?)
    }

    /// Adds a message to the conversation, and to what is stored of it.
    pub(crate) async fn say(&mut self, message: Message) -> Result<(), Halt> {
        let entry = self.entry(&message);
        self.record(vec![entry]).await?;
        self.said(message);
        Ok(())
    }

    /// Writes a step, together with how far the run has come by it.
    pub(crate) async fn record(&self, mut entries: Vec<Entry>) -> Result<(), Halt> {
        entries.push(Entry::State(self.state()));
        Ok(self.journal.write(entries).await?)
    }

    fn state(&self) -> Value {
        to_jsonb(&RunState {
            iteration: self.iteration,
            continuations: self.continuations,
            stop: self.stop,
            progress: self.progress.clone(),
            tally: self.tally.clone(),
            verification: self.verification,
            rounds: self.rounds.clone(),
            worked: self.worked(),
            ports: self.ports(),
            exposure: self.exposure.clone(),
            last_error: self.last_error.clone(),
        })
    }

    /// How long the run was worked on, by all processes that did.
    pub(crate) fn worked(&self) -> Duration {
        self.worked_before + self.began.elapsed()
    }

    fn ports(&self) -> Vec<u16> {
        let tools = self.tools.as_ref();
        tools.map(|tools| tools.servers.ports()).unwrap_or_default()
    }

    /// A message as it is stored next; once it is handed over, [`Self::said`].
    pub(crate) fn entry(&self, message: &Message) -> Entry {
        Entry::Message {
            position: self.position,
            message: message.clone(),
        }
    }

    /// The message of [`Self::entry`] was handed over.
    pub(crate) fn said(&mut self, message: Message) {
        self.position += 1;
        self.messages.push(message);
    }

    pub(crate) async fn thinking(&self, message: &str) -> Result<(), Halt> {
        let timestamp = self.services.clock.millis();
        let event = Event::ThinkingProgress {
            message: message.to_owned(),
            timestamp,
        };
        Ok(self.journal.event(event).await?)
    }

    pub(crate) fn caller(&self) -> Caller {
        Caller {
            provider: self.route.provider.clone(),
            provider_name: self.run.model.provider.clone(),
            org_id: self.run.org_id.clone(),
            user_id: self.run.user_id.clone(),
            run_id: Some(self.run.id.0),
            trace_id: self.run.trace_id.clone(),
            session_id: self.run.task.conversation_id.map(|id| id.to_string()),
            ledger: self.services.ledger.clone(),
            clock: self.services.clock.clone(),
            task_type: "autonomous",
            spending: self.tally.spending.clone(),
        }
    }

    pub(crate) fn tokens(&self) -> Tokens {
        Tokens::of(self.tally.spending.spent().usage)
    }
}
