//! Group commit: one connection writes the records of all requests, as many at once as wait.
//!
//! While a commit is on its way to the disk, what comes gathers; the next commit takes all of it. So
//! the number of commits does not grow with the number of entries, and under load an entry costs a
//! few microseconds of a server instead of a commit of its own.
//!
//! Behind an end that this process wrote, a commit is one statement and one round trip: it appends if
//! the end is still there as it was written, seal and all. Otherwise, and to logs that this process
//! has not written to, records are appended behind locked ends, in five.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::audit::error::Error;
use crate::audit::keyring::Keyring;
use crate::audit::model::Phase;
use crate::audit::record::Record;
use crate::audit::seals::chain::Ends;
use crate::audit::store::appending::End;
use crate::audit::store::{continuing, shape};
use crate::audit::witnessing::beginnings::beginning_of;
use crate::audit::witnessing::floors::Floors;
use crate::audit::writing::closed::ClosedLogs;
use crate::audit::writing::doubt::{refused, settle};
use crate::audit::writing::queue::{Draft, DraftQueue, Posted, WriteOutcome};
use crate::audit::writing::trouble::WritingTrouble;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::database::servers::Servers;
use crate::platform::metrics::Metrics;

/// The most records in one commit: larger ones make the first of them wait longer than they save.
const MAX_BATCH: usize = 512;
/// The most logs whose ends are remembered.
const MAX_KNOWN: usize = 10_000;
/// The pause after a commit that failed.
const PAUSE: Duration = Duration::from_millis(200);
/// Time limit for a connection to be made, or a statement to be answered: all within the second after which
/// the waiting callers are refused.
const PATIENCE: Duration = Duration::from_millis(800);

/// Writes drafts until there are no more.
pub struct Writer {
    /// A connection of its own: a busy pool must not keep anybody from beginning.
    servers: Servers,
    /// Makes room for it where the server has none.
    db: Pool,
    conn: Option<PgConnection>,
    clock: Clock,
    keys: Arc<Keyring>,
    floors: Arc<Floors>,
    metrics: Metrics,
    messages: mpsc::UnboundedReceiver<Posted>,
    /// The records that wait to be written.
    queue: DraftQueue,
    /// Where the logs end that this process wrote to, as it wrote it.
    known: HashMap<String, End>,
    /// True if a commit was sent whose answer is not known.
    in_doubt: bool,
    /// The records that may have been committed by a commit that seemed to fail.
    doubtful: Vec<Record>,
    trouble: WritingTrouble,
    closed: ClosedLogs,
}

impl Writer {
    /// A writer to the database of this pool.
    pub fn new(
        db: &Pool,
        clock: Clock,
        keys: Arc<Keyring>,
        floors: Arc<Floors>,
        metrics: Metrics,
        messages: mpsc::UnboundedReceiver<Posted>,
        closed: ClosedLogs,
    ) -> Self {
        let patience = format!("{}ms", PATIENCE.as_millis());
        let settings = [
            ("statement_timeout", patience.as_str()),
            ("lock_timeout", patience.as_str()),
            // One plan for any number of rows: to plan a statement costs more than to run it.
            ("plan_cache_mode", "force_generic_plan"),
        ];
        Self {
            servers: Servers::clone(&db.servers()).each(|options| options.options(settings)),
            db: db.clone(),
            conn: None,
            clock,
            keys,
            floors,
            queue: DraftQueue::new(metrics.clone()),
            metrics,
            messages,
            known: HashMap::new(),
            in_doubt: false,
            doubtful: Vec::new(),
            trouble: WritingTrouble::default(),
            closed,
        }
    }

    /// Writes until `stopping`, and then what is there, as long as `grace` lasts.
    pub async fn run(mut self, stopping: CancellationToken, grace: Duration) {
        // Connecting and looking at the tables would take a part of the second that the first request waits.
        tokio::select! {
            conn = self.connect() => self.conn = conn.ok(),
            () = stopping.cancelled() => {}
        }
        while self.gather(&stopping).await {
            self.write().await;
        }
        let end = Instant::now() + grace;
        while !self.queue.is_empty() && Instant::now() < end {
            self.write().await;
        }
        if !self.queue.is_empty() {
            tracing::error!(
                count = self.queue.len(),
                "completed audit records were not written"
            );
        }
    }

    /// Waits for something to write, and takes all that is there: while the database is away, drafts with no
    /// caller waiting any more must not gather. Answers whether more may come.
    async fn gather(&mut self, stopping: &CancellationToken) -> bool {
        let mut open = true;
        if self.queue.is_empty() {
            tokio::select! {
                biased;
                message = self.messages.recv() => match message {
                    Some(message) => self.queue.push(message),
                    None => open = false,
                },
                // Drafts sent before are still taken; none begin from now on.
                () = stopping.cancelled() => self.messages.close(),
            }
        }
        while let Ok(message) = self.messages.try_recv() {
            self.queue.push(message);
        }
        self.show_depth();
        open
    }

    fn show_depth(&self) {
        let depth = i64::try_from(self.queue.len()).unwrap_or(i64::MAX);
        self.metrics.navi_audit_queue_depth.set(depth);
    }

    async fn write(&mut self) {
        let mut batch = self.queue.take(MAX_BATCH);
        batch.retain(|draft| draft.record.phase != Phase::Begun || !draft.done.is_closed());
        self.in_doubt = false;
        let is_empty = batch.is_empty();
        let written = if is_empty {
            Ok(())
        } else {
            self.try_write(&mut batch).await
        };
        match written {
            Ok(()) => {
                if !is_empty {
                    self.trouble.written(Instant::now());
                }
                self.queue.open_barriers();
            }
            Err(error) => {
                self.metrics.navi_audit_failures_total.inc();
                let waiting = batch.len() + self.queue.len();
                self.trouble.failed(&error, waiting, Instant::now());
                if let Error::Database(error) = &error {
                    self.db.storage().note(error);
                }
                self.put_back(batch);
                self.queue.open_barriers();
                tokio::time::sleep(PAUSE).await;
            }
        }
        self.show_depth();
    }

    /// Tells those who wait for records that they are on disk.
    fn acknowledge(&mut self, written: Vec<Draft>) {
        for draft in written {
            let told = draft.done.send(WriteOutcome::Written);
            // A caller that gave up waiting was refused: the entry ends here.
            if told.is_err() && draft.record.phase == Phase::Begun {
                self.queue.owe(refused(draft.record));
            }
        }
    }

    /// After a failure: beginnings are refused, the rest is owed. Only what a commit was sent for may
    /// be written all the same, and the next attempt looks there first; so this never grows beyond
    /// one batch.
    fn put_back(&mut self, batch: Vec<Draft>) {
        // Another process may have written meanwhile, or this one without knowing.
        self.known.clear();
        if self.in_doubt {
            let records = batch.iter().map(|draft| draft.record.clone());
            self.doubtful.extend(records);
        }
        let (begun, owed): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|draft| draft.record.phase == Phase::Begun);
        for draft in begun {
            let _told = draft.done.send(WriteOutcome::NotNow);
        }
        self.queue.put_back(owed);
    }

    async fn try_write(&mut self, batch: &mut Vec<Draft>) -> Result<(), Error> {
        // A connection that the server has closed meanwhile would fail the first batch.
        let mut rested = self.conn.take();
        let mut conn = match rested.take_if(PgConnection::is_at_rest) {
            Some(conn) => conn,
            None => self.connect().await?,
        };
        // A statement that hangs on a dead network is not waited for by the one behind it.
        let written = tokio::time::timeout(PATIENCE, self.commit(&mut conn, batch)).await;
        written.map_err(|_| Error::Unavailable)??;
        // After a failure the connection is dropped, whatever state it was in.
        self.conn = Some(conn);
        Ok(())
    }

    async fn connect(&self) -> Result<PgConnection, Error> {
        let connected = tokio::time::timeout(PATIENCE, self.db.connect_beside(&self.servers)).await;
        let mut conn = connected.map_err(|_| Error::Unavailable)??;
        // Once for each connection: later changes to the tables are found by verification.
        match shape::problems(&mut conn).await?.into_iter().next() {
            Some(problem) => Err(Error::Reshaped(problem)),
            None => Ok(conn),
        }
    }

    async fn commit(
        &mut self,
        conn: &mut PgConnection,
        batch: &mut Vec<Draft>,
    ) -> Result<(), Error> {
        if self.doubtful.is_empty() {
            self.go_on(conn, batch).await?;
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.commit_locked(conn, batch).await
    }

    /// Appends what belongs behind ends that this process wrote and that are still there, and takes it
    /// out of the batch.
    async fn go_on(
        &mut self,
        conn: &mut PgConnection,
        batch: &mut Vec<Draft>,
    ) -> Result<(), Error> {
        let mut ends = Ends::written(
            batch
                .iter()
                .filter_map(|draft| self.known.get(&draft.record.org_id)),
        );
        let before = ends.all();
        if before.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        for draft in batch.iter_mut() {
            ends.link(&mut draft.record, now);
        }
        let records = batch.iter().map(|draft| &draft.record);
        let records: Vec<&Record> = records.filter(|record| ends.has(&record.org_id)).collect();
        let after = ends.sealed(self.keys.current()?);
        self.in_doubt = true;
        let moved = continuing::append(conn, &before, &after, &records).await;
        let moved: HashSet<String> = moved.map_err(counted)?.into_iter().collect();
        self.in_doubt = false;
        self.known
            .retain(|org, _| !before.iter().any(|end| end.org_id == *org));
        let (written, left) = std::mem::take(batch)
            .into_iter()
            .partition(|draft| moved.contains(&draft.record.org_id));
        *batch = left;
        let mut after = after;
        after.retain(|end| moved.contains(&end.org_id));
        self.arrived(written, after);
        Ok(())
    }

    /// Remembers where logs end now, and tells of what was written.
    fn arrived(&mut self, written: Vec<Draft>, ends: Vec<End>) {
        self.floors.raise(&ends);
        self.closed
            .note_open(ends.iter().map(|end| end.org_id.as_str()));
        if self.known.len() + ends.len() > MAX_KNOWN {
            self.known.clear();
        }
        let ends = ends.into_iter();
        self.known.extend(ends.map(|end| (end.org_id.clone(), end)));
        let count = u64::try_from(written.len()).unwrap_or_default();
        self.metrics.navi_audit_records_total.inc_by(count);
        self.acknowledge(written);
    }

    /// Appends the batch behind locked ends.
    async fn commit_locked(
        &mut self,
        conn: &mut PgConnection,
        batch: &mut Vec<Draft>,
    ) -> Result<(), Error> {
        let waiting = batch.iter().map(|draft| &draft.record);
        let records = waiting.chain(&self.doubtful);
        let orgs: HashSet<&str> = records.map(|record| record.org_id.as_str()).collect();
        let orgs: Vec<String> = orgs.into_iter().map(str::to_owned).collect();
        let now = self.clock.now();
        let mut tx = conn.begin().await?;
        let mut ends = Ends::lock(&mut tx, &self.keys, &self.clock, &self.floors, &orgs).await?;
        // Behind the locks: a commit that seemed lost and is still on its way holds them.
        if !self.doubtful.is_empty() {
            settle(&mut tx, &mut self.doubtful, batch).await?;
        }
        for error in ends.take_refused() {
            self.metrics.navi_audit_failures_total.inc();
            tracing::error!(%error, "nothing is appended to an audit log");
        }
        for draft in batch.extract_if(.., |draft| !ends.has(&draft.record.org_id)) {
            self.closed.note_closed(&draft.record.org_id);
            let _told = draft.done.send(WriteOutcome::Closed);
        }
        for draft in batch.iter_mut() {
            ends.link(&mut draft.record, now);
        }
        let records: Vec<&Record> = batch.iter().map(|draft| &draft.record).collect();
        let begun = ends.take_begun();
        let (count, ends) = ends.append(&mut tx, &self.keys, &records).await?;
        self.in_doubt = true;
        tx.commit().await?;
        self.in_doubt = false;
        let handed_over = u64::try_from(count.saturating_sub(batch.len())).unwrap_or_default();
        self.metrics.navi_audit_records_total.inc_by(handed_over);
        let written = std::mem::take(batch);
        self.name_begun(&begun, &written)?;
        self.arrived(written, ends);
        Ok(())
    }

    /// Has the server's own log name the logs that began, with the next commit.
    fn name_begun(&mut self, begun: &[String], written: &[Draft]) -> Result<(), Error> {
        for log in begun.iter().filter(|log| !log.is_empty()) {
            let records = written.iter().map(|draft| &draft.record);
            let mut first = records.filter(|record| record.org_id == **log);
            if let Some(first) = first.find(|record| record.sequence == 1) {
                let record = beginning_of(first, self.keys.current()?, &self.clock);
                self.queue.owe(Draft::alone(record));
            }
        }
        Ok(())
    }
}

/// The text of a failure of the statement that counts its own rows.
fn counted(error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(DatabaseError::code);
    if code.as_deref() == Some(continuing::NOT_ALL) {
        Error::Dropped
    } else {
        Error::Database(error)
    }
}
