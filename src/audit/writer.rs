//! Group commit: one connection writes the records of all requests, as many at once as wait.
//!
//! While a commit is on its way to the disk, what comes gathers; the next commit takes all of it. So
//! the number of commits does not grow with the number of entries, and under load an entry costs a
//! few microseconds of a server instead of a commit of its own.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::audit::chain::Ends;
use crate::audit::error::Error;
use crate::audit::keyring::Keyring;
use crate::audit::model::{Outcome, Phase};
use crate::audit::record::{Personal, Record};
use crate::audit::store::appending;
use crate::platform::clock::Clock;
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
    options: PgConnectOptions,
    conn: Option<PgConnection>,
    clock: Clock,
    keys: Arc<Keyring>,
    metrics: Metrics,
    drafts: mpsc::UnboundedReceiver<Draft>,
    /// Completed and noted records whose commit failed.
    owed: VecDeque<Draft>,
    /// What may have been committed by a commit that seemed to fail.
    doubtful: Vec<Record>,
}

impl Writer {
    /// A writer to the database of this pool.
    pub fn new(
        db: &PgPool,
        clock: Clock,
        keys: Arc<Keyring>,
        metrics: Metrics,
        drafts: mpsc::UnboundedReceiver<Draft>,
    ) -> Self {
        let patience = format!("{}ms", PATIENCE.as_millis());
        let limits = ["statement_timeout", "lock_timeout"].map(|name| (name, patience.clone()));
        Self {
            options: PgConnectOptions::clone(&db.connect_options()).options(limits),
            conn: None,
            clock,
            keys,
            metrics,
            drafts,
            owed: VecDeque::new(),
            doubtful: Vec::new(),
        }
    }

    /// Writes until `stopping`, and then what is there, as long as `grace` lasts.
    pub async fn run(mut self, stopping: CancellationToken, grace: Duration) {
        let mut batch = Vec::new();
        loop {
            let more = self.gather(&mut batch, &stopping).await;
            if batch.is_empty() && !more {
                break;
            }
            self.write(&mut batch).await;
        }
        let end = Instant::now() + grace;
        while !self.owed.is_empty() && Instant::now() < end {
            batch.extend(self.owed.drain(..));
            self.write(&mut batch).await;
        }
        if !self.owed.is_empty() {
            tracing::error!(
                count = self.owed.len(),
                "completed audit records were not written"
            );
        }
    }

    /// Waits for something to write; answers whether more may come.
    async fn gather(&mut self, batch: &mut Vec<Draft>, stopping: &CancellationToken) -> bool {
        while let Some(draft) = self.owed.pop_front() {
            batch.push(draft);
            if batch.len() >= MAX_BATCH {
                return true;
            }
        }
        let room = MAX_BATCH - batch.len();
        let open = if batch.is_empty() {
            tokio::select! {
                count = self.drafts.recv_many(batch, room) => count > 0,
                () = stopping.cancelled() => {
                    // What was begun before is still taken; nobody begins anything now.
                    self.drafts.close();
                    self.drafts.recv_many(batch, room).await > 0
                }
            }
        } else {
            while batch.len() < MAX_BATCH
                && let Ok(draft) = self.drafts.try_recv()
            {
                batch.push(draft);
            }
            true
        };
        // Whoever gave up waiting for a beginning does nothing either.
        batch.retain(|draft| draft.record.phase != Phase::Begun || !draft.done.is_closed());
        open
    }

    async fn write(&mut self, batch: &mut Vec<Draft>) {
        if batch.is_empty() {
            return;
        }
        match self.try_write(batch).await {
            Ok(()) => {
                for draft in batch.drain(..) {
                    let told = draft.done.send(true);
                    // Whoever gave up waiting was refused: the entry ends here.
                    if told.is_err() && draft.record.phase == Phase::Begun {
                        self.owed.push_back(refused(draft.record));
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

    /// After a failure: beginnings are refused, the rest is owed.
    fn put_back(&mut self, batch: &mut Vec<Draft>) {
        for draft in batch.drain(..) {
            self.doubtful.push(draft.record.clone());
            match draft.record.phase {
                Phase::Begun => {
                    let _told = draft.done.send(false);
                }
                Phase::Completed | Phase::Noted if self.owed.len() < MAX_OWED => {
                    self.owed.push_back(draft);
                }
                Phase::Completed | Phase::Noted => {
                    tracing::error!(
                        audit.entry = %draft.record.entry_id,
                        "an audit record is lost, because too many wait for the database"
                    );
                }
            }
        }
    }

    async fn try_write(&mut self, batch: &mut Vec<Draft>) -> Result<(), Error> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => connect(&self.options).await?,
        };
        // A statement that hangs on a dead network is not waited for by the one behind it.
        let written = tokio::time::timeout(PATIENCE, self.commit(&mut conn, batch)).await;
        written.map_err(|_| Error::Unavailable)??;
        // After a failure the connection is dropped, whatever state it was in.
        self.conn = Some(conn);
        Ok(())
    }

    async fn commit(
        &mut self,
        conn: &mut PgConnection,
        batch: &mut Vec<Draft>,
    ) -> Result<(), Error> {
        if !self.doubtful.is_empty() {
            settle(conn, &mut self.doubtful, batch).await?;
        }
        let orgs: HashSet<&str> = batch.iter().map(|d| d.record.org_id.as_str()).collect();
        let orgs: Vec<String> = orgs.into_iter().map(str::to_owned).collect();
        let now = self.clock.now();
        let mut tx = conn.begin().await?;
        let mut ends = Ends::lock(&mut tx, &self.keys, &orgs, now).await?;
        for error in ends.part_from_tampered(&self.keys) {
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
        ends.append(&mut tx, &self.keys, &records).await?;
        tx.commit().await?;
        let count = u64::try_from(records.len()).unwrap_or_default();
        self.metrics.navi_audit_records_total.inc_by(count);
        Ok(())
    }
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let connected = tokio::time::timeout(PATIENCE, options.connect()).await;
    Ok(connected.map_err(|_| Error::Unavailable)??)
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
