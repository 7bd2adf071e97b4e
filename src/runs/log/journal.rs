//! The one writer of a run's log.
//!
//! The loop hands over what happened and goes on; the writer commits whatever has gathered in one
//! transaction and only then shows it to watchers. Where the order matters for a crash (the intent
//! of a tool call before its effect), the loop waits with [`Journal::commit`].

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::approvals::consents::model::NewConsent;
use crate::approvals::questions::model::NewQuestion;
use crate::llm::model::{Message, ToolCall};
use crate::platform::clock::Clock;
use crate::platform::ids::ConsentId;
use crate::platform::ids::ToolCallId;
use crate::platform::tasks::Tasks;
use crate::runs::event::Event;
use crate::runs::log::feed::Followers;
use crate::runs::log::writer::Writer;
use crate::runs::model::{Run, RunStatus};

/// Hand-overs that may wait before the loop has to. A model cannot produce them faster than Postgres
/// commits them for long.
const QUEUE: usize = 512;

/// One thing to be written.
#[derive(Debug)]
pub enum Entry {
    /// An event for the log.
    Event(Event),
    /// A message of the conversation with the model.
    Message {
        /// Its place.
        position: i32,
        /// The message.
        message: Message,
    },
    /// A tool call is intended.
    ToolPlanned {
        /// Its row.
        id: ToolCallId,
        /// Its place in the run.
        position: i32,
        /// The call.
        call: ToolCall,
    },
    /// A tool call waits for a person.
    ConsentAsked(Box<NewConsent>),
    /// A tool call waits for an answer.
    PromptAsked(Box<NewQuestion>),
    /// A person, or a preference of theirs, allowed a tool call.
    ToolApproved(ToolCallId),
    /// A tool call begins to have effects.
    ToolStarted {
        /// Its row.
        id: ToolCallId,
        /// What its effect is recognised by, should nobody live to record the outcome.
        probe: Value,
        /// The consent it uses up, with the action that was asked about.
        consent: Option<(ConsentId, [u8; 32])>,
    },
    /// A tool call is over.
    ToolFinished {
        /// Its row.
        id: ToolCallId,
        /// Its result.
        result: Value,
    },
    /// The run stands elsewhere from here on.
    Status(RunStatus),
    /// How far the run has come.
    State(Value),
    /// What the project's checks said before the first change.
    Baseline(Value),
}

/// Why a piece of the log could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// Another process works on the run by now, or it is over.
    #[error("the run was taken over by another process")]
    Fenced,
    /// The consent was used before, or belongs to another action.
    #[error("a consent cannot be used for this action")]
    ConsentSpent,
    /// Somebody else writes it.
    #[error("the log ends at {found}, not at {expected}")]
    Moved {
        /// Where it ends.
        found: i64,
        /// Where this process left it.
        expected: i64,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl WriteError {
    /// Whether the same write will fail for ever: the log moved on, or the data are wrong (class 22)
    /// or break a constraint (class 23). Everything else passes.
    pub(crate) fn is_final(&self) -> bool {
        let Self::Database(error) = self else {
            return true;
        };
        error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }
}

/// What the loop's end tells the writer's.
pub(crate) enum Command {
    /// Write these together.
    Write(Vec<Entry>),
    /// Say when everything before this is committed.
    Commit(oneshot::Sender<()>),
}

/// The database refuses what this run writes, or somebody else writes its log; the run cannot go
/// on. A database that is only away is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run's log could not be written")]
pub struct JournalLost;

/// A run as its worker took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Where the log ends.
    pub last: i64,
    /// The number under which the worker writes.
    pub fence: i64,
    /// Where the run stands.
    pub status: RunStatus,
}

/// The loop's end of the writer. Clones write to the same log.
#[derive(Clone, Debug)]
pub struct Journal(mpsc::Sender<Command>);

impl Journal {
    /// Starts the writer of a run. It ends when the last clone is dropped.
    pub fn open(
        run: &Run,
        hold: Hold,
        db: sqlx::PgPool,
        clock: Clock,
        followers: Followers,
        tasks: &Tasks,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let writer = Writer::new(run.clone(), hold, db, clock, followers);
        tasks.spawn(writer.run(receiver));
        Self(sender)
    }

    /// Hands over entries that belong together; waits only while the queue is full.
    ///
    /// They are written in one transaction. A caller that is dropped while it waits has handed over
    /// nothing, so it changes its own state after this, without another await in between: then what
    /// it knows and what is written never differ.
    pub async fn write(&self, entries: Vec<Entry>) -> Result<(), JournalLost> {
        if entries.is_empty() {
            return Ok(());
        }
        self.0
            .send(Command::Write(entries))
            .await
            .map_err(|_| JournalLost)
    }

    /// Hands over an event.
    pub async fn event(&self, event: Event) -> Result<(), JournalLost> {
        self.write(vec![Entry::Event(event)]).await
    }

    /// Hands over events.
    pub async fn events(&self, events: Vec<Event>) -> Result<(), JournalLost> {
        self.write(events.into_iter().map(Entry::Event).collect())
            .await
    }

    /// Waits until everything handed over before is committed.
    pub async fn commit(&self) -> Result<(), JournalLost> {
        let (done, committed) = oneshot::channel();
        self.0
            .send(Command::Commit(done))
            .await
            .map_err(|_| JournalLost)?;
        committed.await.map_err(|_| JournalLost)
    }
}
