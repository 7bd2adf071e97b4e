//! Writing a run's log: whatever has gathered, in one transaction, as often as it takes.
//!
//! Nearly always that is one statement, which commits by itself: a run costs the database one round trip for
//! a step, however much belongs to it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::approvals::{consents, questions};
use crate::notices::model::NoticeId;
use crate::notices::notice::{Notice, Wanted};
use crate::notices::store::outbox;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::runs::log::entry::{Entry, JournalCommand, Prior, WriteError};
use crate::runs::log::feed::Feed;
use crate::runs::log::folded::Folded;
use crate::runs::log::store::events::{Append, Appended, Recorded};
use crate::runs::log::store::{events, step};
use crate::runs::log::window::TextWindow;
use crate::runs::model::{Run, RunClaim, RunStatus};
use crate::runs::store::steps;

/// The most hand-overs of one transaction.
const BATCH: usize = 256;
/// The longest pause between two tries to write.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The other end of a journal: alone it writes the run's log.
pub(crate) struct Writer {
    run: Run,
    /// Where the log ends, as far as this writer brought it.
    last: i64,
    fence: i64,
    status: RunStatus,
    /// The position up to which the log agrees with the conversation.
    settled: i64,
    window: TextWindow,
    db: Pool,
    clock: Clock,
    feed: Feed,
}

impl Writer {
    /// A writer of a run that its worker holds.
    pub(crate) fn new(
        run: Run,
        claim: RunClaim,
        db: Pool,
        clock: Clock,
        feed: Feed,
        settled: i64,
    ) -> Self {
        Self {
            run,
            last: claim.last,
            fence: claim.fence,
            status: claim.status,
            settled,
            window: TextWindow::default(),
            db,
            clock,
            feed,
        }
    }

    /// Writes until the last of the other ends is dropped, or writing cannot succeed any more.
    pub(crate) async fn run(mut self, mut receiver: mpsc::Receiver<JournalCommand>) {
        let mut batch = Vec::new();
        while receiver.recv_many(&mut batch, BATCH).await > 0 {
            self.window.gather(&mut receiver, &mut batch, BATCH).await;
            self.window.begin(&batch, Instant::now());
            let Gathered { entries, waiting } = gathered(&mut receiver, &mut batch).await;
            if !entries.is_empty() {
                let folded = Folded::new(self.last, self.status, self.settled, &entries);
                let Some(recorded) = self.write(&folded).await else {
                    return;
                };
                self.status = folded.status;
                self.settled = folded.settled.unwrap_or(self.settled);
                self.last += i64::try_from(recorded.len()).unwrap_or(i64::MAX);
                self.feed.publish(self.run.id, recorded);
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
    async fn write(&self, folded: &Folded<'_>) -> Option<Vec<Recorded>> {
        let mut pause = Duration::from_millis(50);
        loop {
            match self.write_once(folded).await {
                Ok(recorded) => return Some(recorded),
                Err(error) if error.is_final() => {
                    tracing::error!(run.id = %self.run.id, %error, "the run's log is lost");
                    return None;
                }
                Err(error) => {
                    if let WriteError::Database(error) = &error {
                        self.db.storage().note(error);
                    }
                    tracing::warn!(run.id = %self.run.id, %error, "the run's log waits for Postgres");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn write_once(&self, folded: &Folded<'_>) -> Result<Vec<Recorded>, WriteError> {
        let at = self.clock.now();
        if folded.rest.is_empty() {
            let mut conn = self.db.acquire().await?;
            let _news = self.append(&mut conn, folded, at).await?;
        } else {
            let mut tx = self.db.begin().await?;
            if self.append(&mut tx, folded, at).await? == News::Yes {
                for entry in &folded.rest {
                    self.write_entry(&mut tx, entry, at).await?;
                }
                tx.commit().await?;
            }
        }
        let events = folded.events.clone();
        Ok(events::numbered(self.last, events, at))
    }

    /// First, because it locks the run's row and so decides whether anything is written at all.
    async fn append(
        &self,
        conn: &mut PgConnection,
        folded: &Folded<'_>,
        at: DateTime<Utc>,
    ) -> Result<News, WriteError> {
        let append = Append {
            last: self.last,
            fence: self.fence,
            events: &folded.events,
            status: folded.status,
            phase: folded.phase,
            settled: folded.settled,
            state: folded.state,
            baseline: folded.baseline,
        };
        let count = i64::try_from(folded.events.len()).unwrap_or(i64::MAX);
        let (org_id, run_id) = (&self.run.org_id, self.run.id);
        let appended = if folded.step.is_empty() {
            events::append(conn, org_id, run_id, &append, at).await?
        } else {
            step::append(conn, org_id, run_id, &append, &folded.step, at).await?
        };
        match appended {
            Appended::Done => Ok(News::Yes),
            // An earlier try was committed and only its answer was lost.
            Appended::EndsAt(end) if end == self.last + count => Ok(News::No),
            Appended::EndsAt(found) => {
                let expected = self.last;
                Err(WriteError::Moved { found, expected })
            }
            Appended::Fenced => Err(WriteError::Fenced),
        }
    }

    async fn write_entry(
        &self,
        conn: &mut PgConnection,
        entry: &Entry,
        at: DateTime<Utc>,
    ) -> Result<(), WriteError> {
        let org_id = &self.run.org_id;
        match entry {
            Entry::ConsentAsked(consent) => {
                let user_id = &self.run.user_id;
                consents::store::insert(conn, org_id, user_id, consent).await?;
                let wanted = Wanted::Consent(consent.id, &consent.tool);
                self.tell(conn, wanted, consent.expires_at, at).await?;
            }
            Entry::PromptAsked(prompt) => {
                questions::store::insert(conn, org_id, &self.run.user_id, prompt).await?;
                let wanted = Wanted::Answer(prompt.id);
                self.tell(conn, wanted, prompt.expires_at, at).await?;
            }
            Entry::ToolStarted { id, probe, consent } => {
                let Some(used) = consent else {
                    steps::start_tool_call_along(conn, org_id, *id, probe, at).await?;
                    return Ok(());
                };
                let again = steps::start_tool_call(conn, org_id, *id, probe, at).await?;
                let user_id = &self.run.user_id;
                let (id, hash) = (used.id, &used.action_hash);
                let used = consents::store::use_once(conn, org_id, user_id, id, hash, at).await?;
                // A second try of the same entry finds the call started and its consent used.
                if !used && !again {
                    return Err(WriteError::ConsentSpent);
                }
            }
            Entry::Event(_)
            | Entry::Discarded { .. }
            | Entry::Message { .. }
            | Entry::ToolPlanned { .. }
            | Entry::ToolApproved(_)
            | Entry::ToolFinished { .. }
            | Entry::Status(_)
            | Entry::State(_)
            | Entry::Baseline(_)
            | Entry::After(_) => {}
        }
        Ok(())
    }

    /// Tells webhooks that the run waits for its user.
    async fn tell(
        &self,
        conn: &mut PgConnection,
        wanted: Wanted<'_>,
        expires_at: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let run = &self.run;
        let notice = Notice::approval_requested(run.id, &run.user_id, wanted, expires_at);
        let id = NoticeId::new(&self.clock);
        outbox::tell_along(conn, &run.org_id, id, &notice, at).await
    }
}

/// Hand-overs that are written together.
#[derive(Default)]
struct Gathered {
    entries: Vec<Entry>,
    /// Callers that wait for the commit.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Gathered {
    /// Takes a batch over; what is answered must be on disk before it is.
    fn take(&mut self, batch: &mut Vec<JournalCommand>) -> Vec<Prior> {
        for command in batch.drain(..) {
            match command {
                JournalCommand::Write(together) => self.entries.extend(together),
                JournalCommand::Commit(done) => self.waiting.push(done),
            }
        }
        let is_after = |entry: &mut Entry| matches!(entry, Entry::After(_));
        let after = self.entries.extract_if(.., is_after);
        after.filter_map(Entry::prior).collect()
    }
}

/// Waits for what must be on disk before a batch is. The loop goes on meanwhile, and what it hands over joins the
/// batch: the record of a model's call, its answer and the tool calls it asks for are one commit.
async fn gathered(
    receiver: &mut mpsc::Receiver<JournalCommand>,
    batch: &mut Vec<JournalCommand>,
) -> Gathered {
    let mut gathered = Gathered::default();
    let mut taken = batch.len();
    loop {
        let priors = gathered.take(batch);
        if priors.is_empty() {
            return gathered;
        }
        for prior in priors {
            prior.written().await;
        }
        while taken < BATCH
            && let Ok(more) = receiver.try_recv()
        {
            taken += 1;
            batch.push(more);
        }
    }
}

/// Yes when a batch was written by this try, no when an earlier one had written it.
#[derive(PartialEq, Eq)]
enum News {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn step() -> Vec<Entry> {
        vec![Entry::State(Value::Null)]
    }

    #[tokio::test]
    async fn what_is_handed_over_while_a_batch_waits_joins_it() {
        let (sender, mut receiver) = mpsc::channel(8);
        let (written, waits) = oneshot::channel::<()>();
        let prior = Prior::new(async {
            waits.await.unwrap();
        });
        let mut entries = step();
        entries.push(Entry::After(prior));
        let mut batch = vec![JournalCommand::Write(entries)];
        let loops = async {
            let (done, _committed) = oneshot::channel();
            for command in [JournalCommand::Write(step()), JournalCommand::Commit(done)] {
                assert!(sender.send(command).await.is_ok());
            }
            written.send(()).unwrap();
        };
        let (gathered, ()) = tokio::join!(gathered(&mut receiver, &mut batch), loops);
        assert_eq!((gathered.entries.len(), gathered.waiting.len()), (2, 1));
    }

    #[tokio::test]
    async fn a_batch_that_waits_for_nothing_goes_at_once() {
        let (sender, mut receiver) = mpsc::channel(8);
        assert!(sender.send(JournalCommand::Write(step())).await.is_ok());
        let mut batch = vec![JournalCommand::Write(step())];
        let gathered = gathered(&mut receiver, &mut batch).await;
        assert_eq!(gathered.entries.len(), 1);
        assert!(receiver.try_recv().is_ok());
    }
}
