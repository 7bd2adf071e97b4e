//! The one writer of a run's log.
//!
//! The loop hands over what happened and goes on; the writer commits whatever has gathered in one
//! transaction and only then shows it to watchers. Where the order matters for a crash (the intent
//! of a tool call before its effect), the loop waits with [`Journal::commit`].

use tokio::sync::{mpsc, oneshot};

use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::tasks::Tasks;
use crate::runs::event::Event;
use crate::runs::log::entry::{Entry, JournalCommand, JournalLost};
use crate::runs::log::feed::Feed;
use crate::runs::log::writer::Writer;
use crate::runs::model::{Run, RunClaim};

/// Hand-overs that may wait before the loop has to. A model cannot produce them faster than Postgres
/// commits them for long.
const QUEUE: usize = 512;

/// The loop's end of the writer. Clones write to the same log.
#[derive(Clone, Debug)]
pub struct Journal(mpsc::Sender<JournalCommand>);

impl Journal {
    /// Starts the writer of a run, whose log agrees with its conversation up to `settled`. It ends when the
    /// last clone is dropped.
    pub fn open(
        run: &Run,
        claim: RunClaim,
        db: impl Into<Pool>,
        clock: Clock,
        feed: Feed,
        settled: i64,
        tasks: &Tasks,
    ) -> Self {
        let db = db.into();
        let (sender, receiver) = mpsc::channel(QUEUE);
        let writer = Writer::new(run.clone(), claim, db, clock, feed, settled);
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
            .send(JournalCommand::Write(entries))
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
            .send(JournalCommand::Commit(done))
            .await
            .map_err(|_| JournalLost)?;
        committed.await.map_err(|_| JournalLost)
    }
}
