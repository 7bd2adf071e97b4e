//! The one writer of a run's log.
//!
//! The loop hands over what happened and goes on; the writer commits whatever has gathered in one
//! transaction and only then shows it to watchers. Where the order matters for a crash (the intent
//! of a tool call before its effect), the loop waits with [`Journal::commit`].

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::agent::event::Event;
use crate::agent::event_log::{self, Appended, Recorded};
use crate::agent::live::LiveRuns;
use crate::agent::model::{Run, ToolCallId};
use crate::agent::store;
use crate::llm::model::{Message, ToolCall};
use crate::platform::clock::Clock;
use crate::platform::db::to_jsonb;
use crate::platform::tasks::Tasks;

/// Hand-overs that may wait before the loop has to. A model cannot produce them faster than Postgres
/// commits them for long.
const QUEUE: usize = 512;
/// The most hand-overs of one transaction.
const BATCH: usize = 256;
/// The longest pause between two tries to write.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

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
    /// A tool call begins to have effects.
    ToolStarted(ToolCallId),
    /// A tool call is over.
    ToolFinished {
        /// Its row.
        id: ToolCallId,
        /// Its result.
        result: serde_json::Value,
    },
}

/// Why a piece of the log could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
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
    pub(super) fn is_final(&self) -> bool {
        let Self::Database(error) = self else {
            return true;
        };
        error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }
}

enum Command {
    Write(Vec<Entry>),
    Commit(oneshot::Sender<()>),
}

/// The database refuses what this run writes, or somebody else writes its log; the run cannot go
/// on. A database that is only away is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run's log could not be written")]
pub struct JournalLost;

/// The loop's end of the writer. Clones write to the same log.
#[derive(Clone, Debug)]
pub struct Journal(mpsc::Sender<Command>);

impl Journal {
    /// Starts the writer of a run whose log ends at `last`. It ends when the last clone is dropped.
    pub fn open(
        run: &Run,
        last: i64,
        db: sqlx::PgPool,
        clock: Clock,
        live: LiveRuns,
        tasks: &Tasks,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let writer = Writer {
            run: run.clone(),
            last,
            db,
            clock,
            live,
        };
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

struct Writer {
    run: Run,
    /// Where the log ends, as far as this writer brought it.
    last: i64,
    db: sqlx::PgPool,
    clock: Clock,
    live: LiveRuns,
}

impl Writer {
    async fn run(mut self, mut receiver: mpsc::Receiver<Command>) {
        let mut batch = Vec::new();
        while receiver.recv_many(&mut batch, BATCH).await > 0 {
            let mut entries = Vec::new();
            let mut waiting = Vec::new();
            for command in batch.drain(..) {
                match command {
                    Command::Write(together) => entries.extend(together),
                    Command::Commit(done) => waiting.push(done),
                }
            }
            if !entries.is_empty() {
                let Some(recorded) = self.write(&entries).await else {
                    return;
                };
                self.last += i64::try_from(recorded.len()).unwrap_or(i64::MAX);
                self.live.publish(self.run.id, recorded);
            }
            for done in waiting {
                // The loop may have ended meanwhile; the entries are committed all the same.
                let _ = done.send(());
            }
        }
    }

    /// Commits a batch, trying again for as long as the database is away: a run that waits loses
    /// nothing, and its limit of time, its user and the end of the process still end it. `None` when
    /// trying again cannot help: the receiver is dropped then, and the loop learns that its log is
    /// lost.
    async fn write(&self, entries: &[Entry]) -> Option<Vec<Recorded>> {
        let mut pause = Duration::from_millis(50);
        loop {
            match self.write_once(entries).await {
                Ok(recorded) => return Some(recorded),
                Err(error) if error.is_final() => {
                    tracing::error!(run.id = %self.run.id, %error, "the run's log is lost");
                    return None;
                }
                Err(error) => {
                    tracing::warn!(run.id = %self.run.id, %error, "the run's log waits for Postgres");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn write_once(&self, entries: &[Entry]) -> Result<Vec<Recorded>, WriteError> {
        let at = self.clock.now();
        let (org_id, run_id) = (&self.run.org_id, self.run.id);
        let mut tx = self.db.begin().await?;
        let mut events = Vec::new();
        for entry in entries {
            match entry {
                Entry::Event(event) => events.push(storable(event)),
                Entry::Message { position, message } => {
                    store::insert_message(&mut tx, org_id, run_id, *position, message, at).await?;
                }
                Entry::ToolPlanned { id, position, call } => {
                    store::insert_tool_call(&mut tx, org_id, run_id, *id, *position, call, at)
                        .await?;
                }
                Entry::ToolStarted(id) => {
                    store::start_tool_call(&mut tx, org_id, *id, at).await?;
                }
                Entry::ToolFinished { id, result } => {
                    store::finish_tool_call(&mut tx, org_id, *id, result, at).await?;
                }
            }
        }
        if !events.is_empty() {
            let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
            match event_log::append(&mut tx, org_id, run_id, self.last, &events, at).await? {
                Appended::Done => {}
                // An earlier try was committed and only its answer was lost.
                Appended::EndsAt(end) if end == self.last + count => {
                    return Ok(event_log::numbered(self.last, events));
                }
                Appended::EndsAt(found) => {
                    let expected = self.last;
                    return Err(WriteError::Moved { found, expected });
                }
            }
        }
        tx.commit().await?;
        Ok(event_log::numbered(self.last, events))
    }
}

/// The event as Postgres can keep it: without NUL characters. Watchers get the same one, so that a
/// stream never differs from its log.
fn storable(event: &Event) -> Event {
    let has_nul = serde_json::to_string(event).is_ok_and(|text| text.contains("\\u0000"));
    if !has_nul {
        return event.clone();
    }
    serde_json::from_value(to_jsonb(event)).unwrap_or_else(|_| event.clone())
}
