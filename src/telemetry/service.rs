//! Ingests telemetry: parses it within limits, and acknowledges it once it is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use memchr::memchr_iter;
use sqlx::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::auth::principal::Principal;
use crate::auth::rate_limit::RateLimiter;
use crate::platform::body::BodyError;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::metrics::Metrics;
use crate::platform::redact::text::redact_text;
use crate::platform::tasks::Tasks;
use crate::telemetry::cardinality::CardinalityLimiter;
use crate::telemetry::client_metrics::{Observation, observation};
use crate::telemetry::error::Error;
use crate::telemetry::fingerprint::Fingerprinter;
use crate::telemetry::model::{
    ChangedEvent, CommitResult, ErrorOccurrence, MAX_BODY_BYTES, ParsedBatch, RejectedEvent, Sender,
};
use crate::telemetry::parse;
use crate::telemetry::rows::{BatchRows, GroupedError};
use crate::telemetry::sanitize::sanitize_text;
use crate::telemetry::store::errors;
use crate::telemetry::writer::{TelemetryWriter, WriteRequest};

/// Number of writers. Organisations are sharded over them, so no two wait for the same rows, and one works
/// while the other waits for the disk.
const SHARDS: usize = 2;
/// Memory for request bodies, in KiB; further requests wait.
const BODY_MEMORY_KIB: usize = 32 * 1024;
/// Memory for rows that wait for the disk, in KiB.
const ROW_MEMORY_KIB: usize = 16 * 1024;
/// Timeout of waiting for memory.
const MEMORY_TIMEOUT: Duration = Duration::from_secs(1);
/// Timeout of a commit, after which the client is asked to send the batch again.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(12);

/// The ingestion service; cheap to clone.
#[derive(Clone, Debug)]
pub struct Telemetry(Arc<Inner>);

/// State shared by all handles.
#[derive(Debug)]
pub struct Inner {
    environment: &'static str,
    clock: Clock,
    metrics: Metrics,
    fingerprinter: Fingerprinter,
    shards: Vec<WriterShard>,
    events: Arc<RateLimiter>,
    body_memory: Arc<Semaphore>,
    row_memory: Arc<Semaphore>,
}

#[derive(Debug)]
struct WriterShard {
    queue: mpsc::UnboundedSender<WriteRequest>,
    is_unavailable: Arc<AtomicBool>,
}

impl WriterShard {
    /// Queues a batch for the writer, and waits for its commit.
    async fn write(
        &self,
        rows: BatchRows,
        memory: OwnedSemaphorePermit,
    ) -> Result<CommitResult, Error> {
        let (done, committed) = oneshot::channel();
        let request = WriteRequest::Batch {
            rows: Box::new(rows),
            done,
            memory,
        };
        self.queue
            .send(request)
            .map_err(|_ended| Error::Unavailable)?;
        match timeout(COMMIT_TIMEOUT, committed).await {
            Ok(Ok(stored)) => Ok(stored),
            Ok(Err(_)) | Err(_) => Err(Error::Unavailable),
        }
    }
}

/// The result of ingesting a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestResult {
    /// Batch id, as the client sent it.
    pub batch_id: String,
    /// Number of events received.
    pub received: usize,
    /// Events stored by this request or an earlier one.
    pub persisted: usize,
    /// Events stored by an earlier request.
    pub repeated: usize,
    /// Rejected events, by index.
    pub rejected: Vec<RejectedEvent>,
    /// Changed events, by index.
    pub changed: Vec<ChangedEvent>,
    /// True if invalid UTF-8 was replaced.
    pub has_replaced_text: bool,
}

impl Telemetry {
    /// Starts the writers, which end with `tasks`.
    pub fn open(
        db: &Pool,
        clock: Clock,
        metrics: Metrics,
        environment: &'static str,
        events_per_minute: u32,
        tasks: &Tasks,
    ) -> Result<Self, regex::Error> {
        let shards = std::iter::repeat_with(|| {
            let (sender, queue) = mpsc::unbounded_channel();
            let is_unavailable = Arc::new(AtomicBool::new(false));
            let writer = TelemetryWriter::new(
                db,
                clock.clone(),
                metrics.clone(),
                environment,
                queue,
                is_unavailable.clone(),
                tasks.stopping(),
            );
            tasks.spawn(writer.run());
            WriterShard {
                queue: sender,
                is_unavailable,
            }
        });
        let events = Arc::new(RateLimiter::new(events_per_minute));
        events.forget_the_quiet(tasks);
        Ok(Self(Arc::new(Inner {
            shards: shards.take(SHARDS).collect(),
            environment,
            clock,
            metrics,
            fingerprinter: Fingerprinter::new()?,
            events,
            body_memory: Arc::new(Semaphore::new(BODY_MEMORY_KIB)),
            row_memory: Arc::new(Semaphore::new(ROW_MEMORY_KIB)),
        })))
    }

    /// Reserves memory for a part of a body. A request that gets none in time is refused before it is read.
    pub async fn reserve_body(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Error> {
        reserve(&self.0.body_memory, bytes.min(MAX_BODY_BYTES)).await
    }

    /// Stores a batch. Events that the result counts as stored are on disk.
    pub async fn ingest(
        &self,
        principal: &Principal,
        user_agent: Option<String>,
        body: &[u8],
    ) -> Result<IngestResult, Error> {
        let result = self.try_ingest(principal, user_agent, body).await;
        match &result {
            Ok(result) => self.count_events(result),
            Err(error) => self.count_refused(error),
        }
        result
    }

    /// True if the database was unavailable at the last attempt.
    pub fn is_unavailable(&self) -> bool {
        self.0
            .shards
            .iter()
            .any(|shard| shard.is_unavailable.load(Ordering::Relaxed))
    }

    /// Counts a batch of which nothing was stored.
    pub fn count_refused(&self, error: &Error) {
        let batches = &self.0.metrics.navi_telemetry_batches_refused_total;
        batches.with_label_values(&[refusal_label(error)]).inc();
        if let Error::NoneStored { received, .. } = error {
            self.count_outcome("rejected", *received);
        }
    }

    async fn try_ingest(
        &self,
        principal: &Principal,
        user_agent: Option<String>,
        body: &[u8],
    ) -> Result<IngestResult, Error> {
        let sender = Sender {
            org_id: principal.org_id.clone(),
            user_id: principal.user_id.clone(),
            user_agent,
        };
        let shard = self.shard(sender.org_id.as_str());
        if shard.is_unavailable.load(Ordering::Relaxed) {
            return Err(Error::Unavailable);
        }
        // Before any work, because a batch that is refused later would have cost others their turn.
        let memory = reserve(&self.0.row_memory, estimate_memory(body)).await?;
        let now = self.0.clock.now();
        let batch = parse::batch(body, &sender, now)?;
        self.check_rate(principal, batch.received)?;
        let changed = changed_events(&batch);
        let mut result = IngestResult {
            batch_id: batch.name.clone(),
            received: batch.received,
            persisted: 0,
            repeated: 0,
            rejected: Vec::new(),
            changed,
            has_replaced_text: batch.has_replaced_text,
        };
        if batch.events.is_empty() {
            return match batch.rejected.into_iter().next() {
                Some(first) => Err(Error::NoneStored {
                    received: batch.received,
                    first,
                }),
                None => Ok(result),
            };
        }
        let observed: Vec<Observation> = batch.events.iter().filter_map(observation).collect();
        let (rows, rejected) = BatchRows::of(batch, &sender, &self.0.fingerprinter, now);
        let stored = shard.write(rows, memory).await?;
        result.persisted = stored.persisted;
        result.repeated = stored.repeated;
        result.rejected = rejected;
        result.rejected.extend(stored.refused);
        result
            .rejected
            .sort_unstable_by_key(|rejected| rejected.index);
        if result.repeated == 0 {
            for observation in observed {
                observation.record(&self.0.metrics);
            }
        }
        Ok(result)
    }

    /// Records panics of background tasks as errors of this server.
    pub fn hear_panics(&self, tasks: &Tasks, clock: &Clock) {
        let (telemetry, clock) = (self.clone(), clock.clone());
        tasks.on_panic(move |text| {
            telemetry.report(ErrorOccurrence {
                error_type: "panic".to_owned(),
                severity: "critical".to_owned(),
                message: redact_text(text).into_owned(),
                component: Some("background".to_owned()),
                user_visible: false,
                ..ErrorOccurrence::of_this_server(clock.now())
            });
        });
    }

    /// Queues an error of this server, without waiting for its commit.
    pub fn report(&self, error: ErrorOccurrence) {
        let shard = self.shard(&error.org_id);
        let grouped = self.grouped(error);
        if shard
            .queue
            .send(WriteRequest::Error(Box::new(grouped)))
            .is_err()
        {
            self.0.metrics.navi_telemetry_errors_lost_total.inc();
        }
    }

    /// Sanitizes an error of this server and computes its fingerprint.
    pub fn grouped(&self, error: ErrorOccurrence) -> GroupedError {
        let error = ErrorOccurrence {
            message: sanitize_text(&error.message),
            stack: error.stack.as_deref().map(sanitize_text),
            ..error
        };
        GroupedError::of(error, &self.0.fingerprinter)
    }

    /// Records an error of this server in the caller's transaction.
    pub async fn record(
        &self,
        conn: &mut PgConnection,
        error: ErrorOccurrence,
    ) -> sqlx::Result<()> {
        let grouped = self.grouped(error);
        let names = &mut CardinalityLimiter::default();
        errors::record(conn, &[&grouped], self.0.environment, names).await
    }

    fn check_rate(&self, principal: &Principal, events: usize) -> Result<(), Error> {
        let count = u32::try_from(events).unwrap_or(u32::MAX);
        match self.0.events.check_many(principal, count) {
            Some(seconds) => Err(Error::RateLimited {
                limit: self.0.events.per_minute(),
                seconds,
            }),
            None => Ok(()),
        }
    }

    fn shard(&self, org_id: &str) -> &WriterShard {
        let sum: usize = org_id.bytes().map(usize::from).sum();
        &self.0.shards[sum % SHARDS]
    }

    fn count_events(&self, result: &IngestResult) {
        self.count_outcome("stored", result.persisted - result.repeated);
        self.count_outcome("repeated", result.repeated);
        self.count_outcome("rejected", result.rejected.len());
    }

    fn count_outcome(&self, outcome: &str, events: usize) {
        let counter = &self.0.metrics.navi_telemetry_events_total;
        counter.with_label_values(&[outcome]).inc_by(events as u64);
    }
}

/// The label of a refused batch in metrics.
fn refusal_label(error: &Error) -> &'static str {
    match error {
        Error::BodyTooLarge | Error::Body(BodyError::TooLarge) | Error::TooManyEvents(_) => {
            "too_large"
        }
        Error::Overloaded => "overload",
        Error::RateLimited { .. } => "rate",
        Error::Unavailable => "unavailable",
        Error::Body(BodyError::Damaged(_) | BodyError::CutShort | BodyError::Slow)
        | Error::MediaType
        | Error::Syntax(_)
        | Error::Shape(_)
        | Error::BatchId
        | Error::NoneStored { .. } => "invalid",
    }
}

fn changed_events(batch: &ParsedBatch) -> Vec<ChangedEvent> {
    let changed = batch
        .events
        .iter()
        .filter(|event| !event.changes.is_empty());
    changed
        .map(|event| ChangedEvent {
            index: event.index,
            changes: event.changes.clone(),
        })
        .collect()
}

/// Approximate memory of an event beside its text, in bytes.
const EVENT_BYTES: usize = 512;

/// Estimates the memory of a batch until it is on disk, before it is parsed, in bytes.
fn estimate_memory(body: &[u8]) -> usize {
    body.len() + memchr_iter(b'{', body).count() * EVENT_BYTES
}

/// Reserves memory, waiting a moment for it.
async fn reserve(memory: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Error> {
    // The largest batch takes all of the memory, not more.
    let kib = bytes.div_ceil(1024).clamp(1, ROW_MEMORY_KIB);
    let kib = u32::try_from(kib).unwrap_or(u32::MAX);
    match timeout(MEMORY_TIMEOUT, memory.clone().acquire_many_owned(kib)).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(Error::Overloaded),
    }
}
