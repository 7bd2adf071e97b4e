//! Writing a run's log: whatever has gathered, in one transaction, as often as it takes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use tokio::sync::mpsc;

use crate::approvals::{consents, questions};
use crate::notices::model::NoticeId;
use crate::notices::notice::{Notice, Wanted};
use crate::notices::store::outbox;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::runs::event::Event;
use crate::runs::event_data::ResumeReason;
use crate::runs::log::entry::{Entry, JournalCommand, WriteError};
use crate::runs::log::feed::Feed;
use crate::runs::log::store;
use crate::runs::log::store::{Append, Appended, Recorded, Storable};
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
            db,
            clock,
            feed,
        }
    }

    /// Writes until the last of the other ends is dropped, or writing cannot succeed any more.
    pub(crate) async fn run(mut self, mut receiver: mpsc::Receiver<JournalCommand>) {
        let mut batch = Vec::new();
        while receiver.recv_many(&mut batch, BATCH).await > 0 {
            let mut entries = Vec::new();
            let mut waiting = Vec::new();
            for command in batch.drain(..) {
                match command {
                    JournalCommand::Write(together) => entries.extend(together),
                    JournalCommand::Commit(done) => waiting.push(done),
                }
            }
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
        Ok(store::numbered(self.last, events, at))
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
        match store::append(conn, org_id, run_id, &append, at).await? {
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
        let (org_id, run_id) = (&self.run.org_id, self.run.id);
        match entry {
            Entry::Message { position, message } => {
                steps::insert_message(conn, org_id, run_id, *position, message, at).await?;
            }
            Entry::ToolPlanned { id, position, call } => {
                steps::insert_tool_call(conn, org_id, run_id, *id, *position, call, at).await?;
            }
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
            Entry::ToolApproved(id) => steps::approve_tool_call(conn, org_id, *id).await?,
            Entry::ToolStarted { id, probe, consent } => {
                let again = steps::start_tool_call(conn, org_id, *id, probe, at).await?;
                let Some(used) = consent else {
                    return Ok(());
                };
                let user_id = &self.run.user_id;
                let (id, hash) = (used.id, &used.action_hash);
                let used = consents::store::use_once(conn, org_id, user_id, id, hash, at).await?;
                // A second try of the same entry finds the call started and its consent used.
                if !used && !again {
                    return Err(WriteError::ConsentSpent);
                }
            }
            Entry::ToolFinished { id, result } => {
                steps::finish_tool_call(conn, org_id, *id, result, at).await?;
            }
            Entry::Event(_)
            | Entry::Discarded { .. }
            | Entry::Status(_)
            | Entry::State(_)
            | Entry::Baseline(_) => {}
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
        outbox::tell(conn, &run.org_id, id, &notice, at).await?;
        Ok(())
    }
}

/// Whether a batch was written by this try or by an earlier one.
#[derive(PartialEq, Eq)]
enum News {
    Yes,
    No,
}

/// A batch in the order of its entries: what goes into the log and the run's row with one statement,
/// and what needs statements of its own.
struct Folded<'a> {
    events: Vec<(Storable, RunStatus)>,
    status: RunStatus,
    phase: Option<&'static str>,
    /// The position up to which the log agreed with the conversation before.
    settled_before: i64,
    settled: Option<i64>,
    state: Option<&'a Value>,
    baseline: Option<&'a Value>,
    rest: Vec<&'a Entry>,
}

impl<'a> Folded<'a> {
    fn new(last: i64, status: RunStatus, settled: i64, entries: &'a [Entry]) -> Self {
        let mut folded = Self {
            events: Vec::new(),
            status,
            phase: None,
            settled_before: settled,
            settled: None,
            state: None,
            baseline: None,
            rest: Vec::new(),
        };
        for entry in entries {
            folded.add(last, entry);
        }
        folded
    }

    fn add(&mut self, last: i64, entry: &'a Entry) {
        match entry {
            Entry::Event(event) => {
                if let Event::Status { status, .. } = event {
                    self.phase = Some(status.name());
                }
                self.events
                    .push((Storable::new(event.clone()), self.status));
                return;
            }
            Entry::Discarded { message } => {
                let event = Event::JobResumed {
                    reason: ResumeReason::AskedAgain,
                    discard_after: self.settled.unwrap_or(self.settled_before),
                    message: message.clone(),
                };
                self.events.push((Storable::new(event), self.status));
                return;
            }
            Entry::Status(status) => self.status = *status,
            Entry::State(state) => self.state = Some(state),
            Entry::Baseline(baseline) => self.baseline = Some(baseline),
            Entry::Message { .. }
            | Entry::ToolPlanned { .. }
            | Entry::ConsentAsked(_)
            | Entry::PromptAsked(_)
            | Entry::ToolApproved(_)
            | Entry::ToolStarted { .. }
            | Entry::ToolFinished { .. } => self.rest.push(entry),
        }
        // Everything but a piece of text is a step: what was said until here is settled with it.
        let count = i64::try_from(self.events.len()).unwrap_or(i64::MAX);
        self.settled = Some(last + count);
    }
}
