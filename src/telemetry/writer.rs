//! Group commit: batches queue while one commit is in progress, and the next commit takes all of them. A
//! batch is acknowledged when it is on disk, and its commit is shared with others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::database::servers::Servers;
use crate::platform::db::is_refusal;
use crate::platform::metrics::Metrics;
use crate::telemetry::cardinality::CardinalityLimiter;
use crate::telemetry::flush::{Flush, without_refused};
use crate::telemetry::model::CommitResult;
use crate::telemetry::rows::{BatchRows, GroupedError};

/// The most bytes of a commit. Beyond, the first batch waits longer than the last one gains.
const MAX_FLUSH_BYTES: usize = 4 * 1024 * 1024;
/// The most batches of a commit.
const MAX_FLUSH_BATCHES: usize = 1_000;
/// The most errors of this server that are queued for the database; no request waits for them.
const MAX_QUEUED_ERRORS: usize = 1_000;
/// The timeout of one commit; the requests that wait for it are refused after it.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);
/// The timeout of connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause between attempts to reach a database that is away.
pub const RECONNECT_INTERVAL: Duration = Duration::from_millis(250);
/// The interval at which the log says that telemetry is not written.
const WARN_INTERVAL: Duration = Duration::from_mins(1);

/// A request to the writer.
#[derive(Debug)]
pub enum WriteRequest {
    /// A batch whose client waits.
    Batch {
        /// Rows to write.
        rows: Box<BatchRows>,
        /// Receives the result after the commit; dropped if the commit fails.
        done: oneshot::Sender<CommitResult>,
        /// Memory reservation, released after the write.
        memory: OwnedSemaphorePermit,
    },
    /// An error of this server.
    Error(Box<GroupedError>),
}

/// A queued batch.
struct PendingBatch {
    rows: Box<BatchRows>,
    done: oneshot::Sender<CommitResult>,
    _memory: OwnedSemaphorePermit,
}

/// Writes queued batches and errors, until the queue is closed.
pub struct TelemetryWriter {
    servers: Servers,
    /// Makes room for the connection where the server has none.
    db: Pool,
    conn: Option<PgConnection>,
    clock: Clock,
    metrics: Metrics,
    environment: &'static str,
    queue: mpsc::UnboundedReceiver<WriteRequest>,
    batches: VecDeque<PendingBatch>,
    errors: VecDeque<GroupedError>,
    names: CardinalityLimiter,
    /// True if the database was unavailable at the last attempt.
    is_unavailable: Arc<AtomicBool>,
    /// When the log last said that telemetry is not written.
    warned: Option<Instant>,
    stopping: CancellationToken,
}

impl TelemetryWriter {
    /// A writer with its own connection, so that a busy pool does not delay telemetry, and telemetry does not
    /// exhaust the pool.
    pub fn new(
        db: &Pool,
        clock: Clock,
        metrics: Metrics,
        environment: &'static str,
        queue: mpsc::UnboundedReceiver<WriteRequest>,
        is_unavailable: Arc<AtomicBool>,
        stopping: CancellationToken,
    ) -> Self {
        let timeout = format!("{}ms", FLUSH_TIMEOUT.as_millis());
        let settings = [
            ("statement_timeout", timeout.as_str()),
            ("lock_timeout", timeout.as_str()),
            // One plan for any number of rows: to plan a statement costs more than to run it.
            ("plan_cache_mode", "force_generic_plan"),
        ];
        Self {
            servers: Servers::clone(&db.servers()).each(|options| options.options(settings)),
            db: db.clone(),
            conn: None,
            clock,
            metrics,
            environment,
            queue,
            batches: VecDeque::new(),
            errors: VecDeque::new(),
            names: CardinalityLimiter::default(),
            is_unavailable,
            warned: None,
            stopping,
        }
    }

    /// Writes until the process stops, then drains the queue.
    pub async fn run(mut self) {
        while self.receive().await {
            if !self.write().await && self.stopping.is_cancelled() {
                break;
            }
        }
        while !self.batches.is_empty() || !self.errors.is_empty() {
            if !self.write().await {
                break;
            }
        }
    }

    /// Waits for requests, and takes all that are queued. Returns false once the queue is closed.
    async fn receive(&mut self) -> bool {
        let mut open = true;
        if self.batches.is_empty() && self.errors.is_empty() {
            tokio::select! {
                biased;
                request = self.queue.recv() => match request {
                    Some(request) => self.enqueue(request),
                    None => open = false,
                },
                () = self.stopping.cancelled() => self.queue.close(),
            }
        }
        while let Ok(request) = self.queue.try_recv() {
            self.enqueue(request);
        }
        open
    }

    fn enqueue(&mut self, request: WriteRequest) {
        match request {
            // A client that gave up may send the batch again.
            WriteRequest::Batch { rows, done, memory } if !done.is_closed() => {
                let waiting = PendingBatch {
                    rows,
                    done,
                    _memory: memory,
                };
                self.batches.push_back(waiting);
            }
            WriteRequest::Batch { .. } => {}
            WriteRequest::Error(error) if self.errors.len() < MAX_QUEUED_ERRORS => {
                self.errors.push_back(*error);
            }
            WriteRequest::Error(_) => self.metrics.navi_telemetry_errors_lost_total.inc(),
        }
    }

    /// Writes as much as one commit may hold. Returns false if the database is unavailable.
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
        let batches: Vec<PendingBatch> = self.batches.drain(..count).collect();
        let errors: Vec<GroupedError> = self.errors.drain(..).collect();
        self.names.start_hour(self.clock.now());
        match self.commit(&batches, &errors).await {
            Ok(stored) => {
                acknowledge(batches, stored);
                true
            }
            Err(error) if is_refusal(&error) => {
                tracing::warn!(%error, "the database refused telemetry; each batch is tried alone");
                self.write_singly(batches, errors).await;
                true
            }
            Err(error) => {
                self.warn(&error, batches.len());
                // Closes the channels, so the clients send the batches again.
                drop(batches);
                self.errors.extend(errors);
                self.conn = None;
                self.wait_for_database().await;
                false
            }
        }
    }

    /// Says that telemetry was not written: at once, then once a minute.
    fn warn(&mut self, error: &sqlx::Error, batches: usize) {
        let now = Instant::now();
        if self.warned.is_some_and(|at| now - at < WARN_INTERVAL) {
            return;
        }
        self.warned = Some(now);
        tracing::warn!(%error, batches, "telemetry was not written");
    }

    /// Refuses batches until the database is available again, or the process stops. Pauses at least once, so
    /// that nothing is tried without one.
    async fn wait_for_database(&mut self) {
        self.is_unavailable.store(true, Ordering::Relaxed);
        loop {
            while let Ok(request) = self.queue.try_recv() {
                self.enqueue(request);
            }
            self.batches.clear();
            // Also before the first attempt: a database that accepts connections and refuses writes, a full
            // one or a replica, would otherwise be retried without a pause.
            sleep(RECONNECT_INTERVAL).await;
            match self.connect().await {
                Ok(conn) => {
                    self.conn = Some(conn);
                    break;
                }
                Err(error) => tracing::debug!(%error, "the database is unavailable"),
            }
            if self.stopping.is_cancelled() {
                break;
            }
        }
        self.is_unavailable.store(false, Ordering::Relaxed);
    }

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        let connecting = timeout(CONNECT_TIMEOUT, self.db.connect_beside(&self.servers)).await;
        connecting.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
    }

    async fn commit(
        &mut self,
        batches: &[PendingBatch],
        errors: &[GroupedError],
    ) -> sqlx::Result<Vec<CommitResult>> {
        let batches: Vec<&BatchRows> = batches.iter().map(|waiting| &*waiting.rows).collect();
        self.commit_rows(&batches, errors).await
    }

    async fn commit_rows(
        &mut self,
        batches: &[&BatchRows],
        errors: &[GroupedError],
    ) -> sqlx::Result<Vec<CommitResult>> {
        let errors: Vec<&GroupedError> = errors.iter().collect();
        // Taken out: a connection with an unread response must not be used again.
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
        let committed = timeout(FLUSH_TIMEOUT, committing).await;
        let committed =
            committed.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
        if committed.as_ref().err().is_none_or(is_refusal) {
            self.conn = Some(conn);
        }
        committed
    }

    /// Writes batches one at a time, so that one that the database refuses does not block the others. Of that
    /// one the accepted events are written.
    async fn write_singly(&mut self, batches: Vec<PendingBatch>, errors: Vec<GroupedError>) {
        for waiting in batches {
            let alone = self.commit_rows(&[&waiting.rows], &[]).await;
            let stored = match alone {
                Err(error) if is_refusal(&error) => self.write_partly(&waiting.rows).await,
                alone => alone.map(|mut stored| stored.pop()),
            };
            match stored {
                // The client may have given up.
                Ok(Some(stored)) => drop(waiting.done.send(stored)),
                Ok(None) => {}
                Err(error) => self.warn(&error, 1),
            }
        }
        for error in errors {
            if let Err(refused) = self.commit_rows(&[], &[error]).await {
                tracing::error!(error = %refused, "an error of this server was not recorded");
                self.metrics.navi_telemetry_errors_lost_total.inc();
            }
        }
    }

    async fn write_partly(&mut self, rows: &BatchRows) -> sqlx::Result<Option<CommitResult>> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.connect().await?,
        };
        let (kept, refused) = without_refused(&mut conn, rows, self.environment).await?;
        self.conn = Some(conn);
        let stored = self.commit_rows(&[&kept], &[]).await?.pop();
        Ok(stored.map(|stored| CommitResult { refused, ..stored }))
    }
}

fn acknowledge(batches: Vec<PendingBatch>, stored: Vec<CommitResult>) {
    for (waiting, stored) in batches.into_iter().zip(stored) {
        // A client that gave up sends the batch again, and it is recognised.
        let _sent = waiting.done.send(stored);
    }
}
