//! Group commit: while one commit is on its way to the disk, batches gather; the next takes all of
//! them. What is acknowledged is on disk, and a commit is paid for by many.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, PgPool};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::platform::clock::Clock;
use crate::platform::db::is_refusal;
use crate::platform::metrics::Metrics;
use crate::telemetry::cardinality::Cardinality;
use crate::telemetry::flush::{Flush, without_refused};
use crate::telemetry::model::Stored;
use crate::telemetry::rows::{Grouped, Rows};

/// The most of a commit: beyond, the first in it waits longer than the last gains.
const MAX_FLUSH_BYTES: usize = 4 * 1024 * 1024;
const MAX_FLUSH_BATCHES: usize = 1_000;
/// The most errors of this server that wait for the database; nobody waits for them.
const MAX_ERRORS: usize = 1_000;
/// How long one commit may take before those who wait for it are refused.
const FLUSH_PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may take to be made.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// How often a database that is away is looked for.
pub const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What waits to be written.
#[derive(Debug)]
pub enum Draft {
    /// A batch, whose client waits.
    Batch {
        /// What is to be written.
        rows: Box<Rows>,
        /// Told once it is committed; dropped when it is not.
        done: oneshot::Sender<Stored>,
        /// Its place in memory, which is free again when it is written.
        room: OwnedSemaphorePermit,
    },
    /// An error of this server.
    Error(Box<Grouped>),
}

/// A batch that is about to be written.
struct Waiting {
    rows: Box<Rows>,
    done: oneshot::Sender<Stored>,
    _room: OwnedSemaphorePermit,
}

/// Writes what comes, until there is no more.
pub struct Writer {
    options: PgConnectOptions,
    conn: Option<PgConnection>,
    clock: Clock,
    metrics: Metrics,
    environment: &'static str,
    drafts: mpsc::UnboundedReceiver<Draft>,
    batches: VecDeque<Waiting>,
    errors: VecDeque<Grouped>,
    names: Cardinality,
    /// Whether the database was away when it was last looked for.
    is_away: Arc<AtomicBool>,
    stopping: CancellationToken,
}

impl Writer {
    /// A writer with a connection of its own: a busy pool must not keep telemetry waiting, nor the
    /// other way round.
    pub fn new(
        db: &PgPool,
        clock: Clock,
        metrics: Metrics,
        environment: &'static str,
        drafts: mpsc::UnboundedReceiver<Draft>,
        is_away: Arc<AtomicBool>,
        stopping: CancellationToken,
    ) -> Self {
        let patience = format!("{}ms", FLUSH_PATIENCE.as_millis());
        let limits = ["statement_timeout", "lock_timeout"].map(|name| (name, patience.clone()));
        Self {
            options: PgConnectOptions::clone(&db.connect_options()).options(limits),
            conn: None,
            clock,
            metrics,
            environment,
            drafts,
            batches: VecDeque::new(),
            errors: VecDeque::new(),
            names: Cardinality::default(),
            is_away,
            stopping,
        }
    }

    /// Writes until the process ends, and then what is there.
    pub async fn run(mut self) {
        while self.gather().await {
            self.write().await;
        }
        while !self.batches.is_empty() || !self.errors.is_empty() {
            if !self.write().await {
                break;
            }
        }
    }

    /// Waits for something to write, and takes what is there. Answers whether more may come.
    async fn gather(&mut self) -> bool {
        let mut open = true;
        if self.batches.is_empty() && self.errors.is_empty() {
            tokio::select! {
                biased;
                draft = self.drafts.recv() => match draft {
                    Some(draft) => self.take(draft),
                    None => open = false,
                },
                () = self.stopping.cancelled() => self.drafts.close(),
            }
        }
        while let Ok(draft) = self.drafts.try_recv() {
            self.take(draft);
        }
        open
    }

    fn take(&mut self, draft: Draft) {
        match draft {
            // Whoever gave up is not waited for; it may send the batch again.
            Draft::Batch { rows, done, room } if !done.is_closed() => {
                let waiting = Waiting {
                    rows,
                    done,
                    _room: room,
                };
                self.batches.push_back(waiting);
            }
            Draft::Batch { .. } => {}
            Draft::Error(error) if self.errors.len() < MAX_ERRORS => self.errors.push_back(*error),
            Draft::Error(_) => self.metrics.navi_telemetry_errors_lost_total.inc(),
        }
    }

    /// Writes what waits, as much as one commit may hold. Answers whether the database took it.
    async fn write(&mut self) -> bool {
        let mut count = 0;
        let mut bytes = 0;
        for waiting in self.batches.iter().take(MAX_FLUSH_BATCHES) {
            bytes += waiting.rows.size();
            count += 1;
            if bytes >= MAX_FLUSH_BYTES {
                break;
            }
        }
        let batches: Vec<Waiting> = self.batches.drain(..count).collect();
        let errors: Vec<Grouped> = self.errors.drain(..).collect();
        self.names.at(self.clock.now());
        match self.commit(&batches, &errors).await {
            Ok(stored) => {
                tell(batches, stored);
                true
            }
            Err(error) if is_refusal(&error) => {
                tracing::warn!(%error, "the database refused telemetry; each batch is tried alone");
                self.write_singly(batches, errors).await;
                true
            }
            Err(error) => {
                tracing::warn!(%error, batches = batches.len(), "telemetry was not written");
                // Their clients are told by the end of the channel, and send them again.
                drop(batches);
                self.errors.extend(errors);
                self.conn = None;
                self.wait_for_database().await;
                false
            }
        }
    }

    /// Refuses what comes until the database is there again, or the process ends.
    async fn wait_for_database(&mut self) {
        self.is_away.store(true, Ordering::Relaxed);
        while self.conn.is_none() && !self.stopping.is_cancelled() {
            while let Ok(draft) = self.drafts.try_recv() {
                self.take(draft);
            }
            self.batches.clear();
            // Also before the first look: a database that lets everybody in and takes nothing, a full
            // one or a copy, would otherwise be asked without a pause.
            sleep(LOOK_EVERY).await;
            match self.connect().await {
                Ok(conn) => self.conn = Some(conn),
                Err(error) => tracing::debug!(%error, "the database is away"),
            }
        }
        self.is_away.store(false, Ordering::Relaxed);
    }

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        let connecting = timeout(CONNECT_PATIENCE, self.options.connect()).await;
        connecting.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
    }

    async fn commit(
        &mut self,
        batches: &[Waiting],
        errors: &[Grouped],
    ) -> sqlx::Result<Vec<Stored>> {
        let batches: Vec<&Rows> = batches.iter().map(|waiting| &*waiting.rows).collect();
        self.commit_rows(&batches, errors).await
    }

    async fn commit_rows(
        &mut self,
        batches: &[&Rows],
        errors: &[Grouped],
    ) -> sqlx::Result<Vec<Stored>> {
        let errors: Vec<&Grouped> = errors.iter().collect();
        // Taken out: a connection whose answer was not waited for must not be used again.
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.connect().await?,
        };
        let flush = Flush {
            batches,
            errors: &errors,
            environment: self.environment,
        };
        let committing = flush.commit(&mut conn, &mut self.names);
        let committed = timeout(FLUSH_PATIENCE, committing).await;
        let committed =
            committed.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
        if committed.as_ref().err().is_none_or(is_refusal) {
            self.conn = Some(conn);
        }
        committed
    }

    /// Writes batches one at a time, so that one which the database will never take does not hold up
    /// the others; of that one, what it takes.
    async fn write_singly(&mut self, batches: Vec<Waiting>, errors: Vec<Grouped>) {
        for waiting in batches {
            let alone = self.commit_rows(&[&waiting.rows], &[]).await;
            let stored = match alone {
                Err(error) if is_refusal(&error) => self.write_partly(&waiting.rows).await,
                alone => alone.map(|mut stored| stored.pop()),
            };
            match stored {
                // Whoever gave up is not told.
                Ok(Some(stored)) => drop(waiting.done.send(stored)),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "telemetry was not written"),
            }
        }
        for error in errors {
            if let Err(refused) = self.commit_rows(&[], &[error]).await {
                tracing::error!(error = %refused, "an error of this server was not recorded");
                self.metrics.navi_telemetry_errors_lost_total.inc();
            }
        }
    }

    async fn write_partly(&mut self, rows: &Rows) -> sqlx::Result<Option<Stored>> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.connect().await?,
        };
        let (kept, refused) = without_refused(&mut conn, rows, self.environment).await?;
        self.conn = Some(conn);
        let stored = self.commit_rows(&[&kept], &[]).await?.pop();
        Ok(stored.map(|stored| Stored { refused, ..stored }))
    }
}

fn tell(batches: Vec<Waiting>, stored: Vec<Stored>) {
    for (waiting, stored) in batches.into_iter().zip(stored) {
        // Whoever gave up sends the batch again, and it is found.
        let _told = waiting.done.send(stored);
    }
}
