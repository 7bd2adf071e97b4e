//! Group commit: one connection writes the records of all requests, as many at once as wait.
//!
//! While a commit is on its way to the disk, what comes gathers; the next commit takes all of it. So
//! the number of commits does not grow with the number of entries, and under load an entry costs a
//! few microseconds of a server instead of a commit of its own.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::audit::error::Error;
use crate::audit::keyring::Keyring;
use crate::audit::model::{Outcome, Phase};
use crate::audit::record::{Personal, Record};
use crate::audit::seals::chain::Ends;
use crate::audit::store::{appending, shape};
use crate::audit::witnessing::beginnings::beginning_of;
use crate::audit::witnessing::floors::Floors;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::database::servers::Servers;
use crate::platform::metrics::Metrics;

/// The most records in one commit: larger ones make the first of them wait longer than they save.
const MAX_BATCH: usize = 512;
/// The most completed records that are kept while the database is away. What was done cannot be
/// undone, so these wait as long as there is room.
const MAX_OWED: usize = 65_536;
/// The pause after a commit that failed.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a connection may take to be made, or a statement to be answered: all within the second
/// after which whoever waits is refused.
const PATIENCE: Duration = Duration::from_millis(800);

/// A record that waits for its place.
#[derive(Debug)]
pub struct Draft {
    /// All but number, time and hashes.
    pub record: Record,
    /// Told once it is committed, or that it will not be.
    pub done: oneshot::Sender<bool>,
}

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
    drafts: mpsc::UnboundedReceiver<Draft>,
    /// What waits to be written, in the order in which it came.
    owed: VecDeque<Draft>,
    /// Whether a commit was sent whose answer is not known.
    in_doubt: bool,
    /// What may have been committed by a commit that seemed to fail.
    doubtful: Vec<Record>,
}

impl Writer {
    /// A writer to the database of this pool.
    pub fn new(
        db: &Pool,
        clock: Clock,
        keys: Arc<Keyring>,
        floors: Arc<Floors>,
        metrics: Metrics,
        drafts: mpsc::UnboundedReceiver<Draft>,
    ) -> Self {
        let patience = format!("{}ms", PATIENCE.as_millis());
        let limits = ["statement_timeout", "lock_timeout"].map(|name| (name, patience.clone()));
        Self {
            servers: Servers::clone(&db.servers()).each(|options| options.options(limits.clone())),
            db: db.clone(),
            conn: None,
            clock,
            keys,
            floors,
            metrics,
            drafts,
            owed: VecDeque::new(),
            in_doubt: false,
            doubtful: Vec::new(),
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
        while !self.owed.is_empty() && Instant::now() < end {
            self.write().await;
        }
        if !self.owed.is_empty() {
            tracing::error!(
                count = self.owed.len(),
                "completed audit records were not written"
            );
        }
    }

    /// Waits for something to write, and takes all that is there: while the database is away, what
    /// nobody waits for any more must not gather. Answers whether more may come.
    async fn gather(&mut self, stopping: &CancellationToken) -> bool {
        let mut open = true;
        if self.owed.is_empty() {
            tokio::select! {
                biased;
                draft = self.drafts.recv() => match draft {
                    Some(draft) => self.owe(draft),
                    None => open = false,
                },
                // What was sent before is still taken; nobody begins anything now.
                () = stopping.cancelled() => self.drafts.close(),
            }
        }
        while let Ok(draft) = self.drafts.try_recv() {
            self.owe(draft);
        }
        self.show_depth();
        open
    }

    fn show_depth(&self) {
        let depth = i64::try_from(self.owed.len()).unwrap_or(i64::MAX);
        self.metrics.navi_audit_queue_depth.set(depth);
    }

    /// Keeps a draft until it is written. Whoever gave up waiting for a beginning does nothing either,
    /// so it is dropped.
    fn owe(&mut self, draft: Draft) {
        match draft.record.phase {
            Phase::Begun if draft.done.is_closed() => {}
            Phase::Completed | Phase::Noted if self.owed.len() >= MAX_OWED => {
                self.metrics.navi_audit_records_lost_total.inc();
                tracing::error!(
                    audit.entry = %draft.record.entry_id,
                    "an audit record is lost, because too many wait for the database"
                );
            }
            Phase::Begun | Phase::Completed | Phase::Noted => self.owed.push_back(draft),
        }
    }

    async fn write(&mut self) {
        self.write_batch().await;
        self.show_depth();
    }

    async fn write_batch(&mut self) {
        let count = self.owed.len().min(MAX_BATCH);
        let mut batch: Vec<Draft> = self.owed.drain(..count).collect();
        batch.retain(|draft| draft.record.phase != Phase::Begun || !draft.done.is_closed());
        if batch.is_empty() {
            return;
        }
        self.in_doubt = false;
        match self.try_write(&mut batch).await {
            Ok(()) => {
                for draft in batch {
                    let told = draft.done.send(true);
                    // Whoever gave up waiting was refused: the entry ends here.
                    if told.is_err() && draft.record.phase == Phase::Begun {
                        self.owe(refused(draft.record));
                    }
                }
            }
            Err(error) => {
                self.metrics.navi_audit_failures_total.inc();
                tracing::error!(%error, count = batch.len(), "audit records were not written");
                self.put_back(batch);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// After a failure: beginnings are refused, the rest is owed. Only what a commit was sent for may
    /// be written all the same, and the next attempt looks there first; so this never grows beyond
    /// one batch.
    fn put_back(&mut self, batch: Vec<Draft>) {
        for draft in batch {
            if self.in_doubt {
                self.doubtful.push(draft.record.clone());
            }
            match draft.record.phase {
                Phase::Begun => {
                    let _told = draft.done.send(false);
                }
                Phase::Completed | Phase::Noted => self.owe(draft),
            }
        }
    }

    async fn try_write(&mut self, batch: &mut Vec<Draft>) -> Result<(), Error> {
        let mut conn = match self.conn.take() {
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
        // Once for each connection: what somebody puts on the tables later is found by verification.
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
            let _told = draft.done.send(false);
        }
        for draft in batch.iter_mut() {
            ends.link(&mut draft.record, now);
        }
        let records: Vec<Record> = batch.iter().map(|draft| draft.record.clone()).collect();
        let begun = ends.take_begun();
        let (count, ends) = ends.append(&mut tx, &self.keys, &records).await?;
        self.in_doubt = true;
        tx.commit().await?;
        self.floors.raise(&ends);
        self.name_begun(&begun, &records)?;
        let count = u64::try_from(count).unwrap_or_default();
        self.metrics.navi_audit_records_total.inc_by(count);
        Ok(())
    }
}

impl Writer {
    /// Has the server's own log name the logs that began, with the next commit.
    fn name_begun(&mut self, begun: &[String], records: &[Record]) -> Result<(), Error> {
        for log in begun.iter().filter(|log| !log.is_empty()) {
            let mut first = records.iter().filter(|record| record.org_id == **log);
            if let Some(first) = first.find(|record| record.sequence == 1) {
                let record = beginning_of(first, self.keys.current()?, &self.clock);
                let done = oneshot::channel().0;
                self.owe(Draft { record, done });
            }
        }
        Ok(())
    }
}

/// After a commit whose answer was lost: takes out of the batch what is written already, and completes
/// the beginnings that were refused and are written all the same.
async fn settle(
    conn: &mut PgConnection,
    doubtful: &mut Vec<Record>,
    batch: &mut Vec<Draft>,
) -> Result<(), Error> {
    let orgs: Vec<String> = doubtful
        .iter()
        .map(|record| record.org_id.clone())
        .collect();
    let entries: Vec<Uuid> = doubtful.iter().map(|record| record.entry_id).collect();
    let written = appending::written(conn, &orgs, &entries).await?;
    let written: HashSet<(Uuid, String)> = written.into_iter().collect();
    let is_written =
        |record: &Record| written.contains(&(record.entry_id, record.phase.as_str().to_owned()));
    let mut left = Vec::new();
    for draft in batch.drain(..) {
        if is_written(&draft.record) {
            let _told = draft.done.send(true);
        } else {
            left.push(draft);
        }
    }
    for record in doubtful.drain(..) {
        let completed = (record.entry_id, Phase::Completed.as_str().to_owned());
        if record.phase == Phase::Begun && is_written(&record) && !written.contains(&completed) {
            left.push(refused(record));
        }
    }
    *batch = left;
    Ok(())
}

/// The end of an entry that was told it could not begin.
fn refused(begun: Record) -> Draft {
    let personal = Personal::default();
    let commitment = personal.commitment(None).to_vec();
    Draft {
        record: Record {
            phase: Phase::Completed,
            status: Some(503),
            outcome: Some(Outcome::Refused),
            duration_ms: Some(0),
            personal,
            commitment,
            payload: None,
            payload_digest: None,
            entry_key: None,
            ..begun
        },
        done: oneshot::channel().0,
    }
}
