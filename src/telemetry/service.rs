//! Taking telemetry: read, bounded, and acknowledged once it is on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use memchr::memchr_iter;
use sqlx::{PgConnection, PgPool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::auth::principal::Principal;
use crate::auth::rate_limit::RateLimiter;
use crate::platform::body::BodyError;
use crate::platform::clock::Clock;
use crate::platform::metrics::Metrics;
use crate::platform::tasks::Tasks;
use crate::telemetry::cardinality::Cardinality;
use crate::telemetry::client_metrics::{Observation, observations};
use crate::telemetry::error::Error;
use crate::telemetry::fingerprint::Grouping;
use crate::telemetry::model::{
    Batch, Change, MAX_BODY_BYTES, Occurrence, Rejected, Sender, Stored,
};
use crate::telemetry::parse;
use crate::telemetry::rows::{Grouped, Rows};
use crate::telemetry::sanitize::fit_text;
use crate::telemetry::store::errors;
use crate::telemetry::writer::{Draft, Writer};

/// How many writers there are. Organisations are divided among them, so no two wait for the same rows,
/// and one goes on while the other waits for the disk.
const LANES: usize = 2;
/// The most that bodies on their way may take, in KiB: beyond, whoever comes waits at the door.
const READING_KIB: usize = 32 * 1024;
/// The most that rows on their way to the disk may take, in KiB.
const WRITING_KIB: usize = 16 * 1024;
/// How long whoever finds no room waits for it.
const ROOM_PATIENCE: Duration = Duration::from_secs(1);
/// How long a batch may take to be committed, before its client is asked to send it again.
const COMMIT_PATIENCE: Duration = Duration::from_secs(12);

/// Takes telemetry; cheap to clone.
#[derive(Clone, Debug)]
pub struct Telemetry(Arc<Inner>);

/// What the handles share.
#[derive(Debug)]
pub struct Inner {
    environment: &'static str,
    clock: Clock,
    metrics: Metrics,
    grouping: Grouping,
    lanes: Vec<Lane>,
    events: Arc<RateLimiter>,
    reading: Arc<Semaphore>,
    writing: Arc<Semaphore>,
}

#[derive(Debug)]
struct Lane {
    drafts: mpsc::UnboundedSender<Draft>,
    is_away: Arc<AtomicBool>,
}

impl Lane {
    /// Hands a batch to the writer, with its room, and waits until it is committed.
    async fn write(&self, rows: Rows, room: OwnedSemaphorePermit) -> Result<Stored, Error> {
        let (done, told) = oneshot::channel();
        let draft = Draft::Batch {
            rows: Box::new(rows),
            done,
            room,
        };
        self.drafts
            .send(draft)
            .map_err(|_ended| Error::Unavailable)?;
        match timeout(COMMIT_PATIENCE, told).await {
            Ok(Ok(stored)) => Ok(stored),
            Ok(Err(_)) | Err(_) => Err(Error::Unavailable),
        }
    }
}

/// What became of a batch, as its client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The client's name for the batch, as the client wrote it.
    pub batch_id: String,
    /// How many events the batch has.
    pub received: usize,
    /// How many of them are stored.
    pub persisted: usize,
    /// How many were stored before.
    pub before: usize,
    /// Those that are not, by index.
    pub rejected: Vec<Rejected>,
    /// What was changed in which events, by index.
    pub changed: Vec<(usize, Vec<Change>)>,
    /// Whether what is no text was replaced.
    pub has_replaced_text: bool,
}

impl Telemetry {
    /// Starts the writers, which end with `tasks`.
    pub fn open(
        db: &PgPool,
        clock: Clock,
        metrics: Metrics,
        environment: &'static str,
        events_per_minute: u32,
        tasks: &Tasks,
    ) -> Result<Self, regex::Error> {
        let lanes = std::iter::repeat_with(|| {
            let (sender, drafts) = mpsc::unbounded_channel();
            let is_away = Arc::new(AtomicBool::new(false));
            let writer = Writer::new(
                db,
                clock.clone(),
                metrics.clone(),
                environment,
                drafts,
                is_away.clone(),
                tasks.stopping(),
            );
            tasks.spawn(writer.run());
            Lane {
                drafts: sender,
                is_away,
            }
        });
        let events = Arc::new(RateLimiter::new(events_per_minute));
        events.forget_the_quiet(tasks);
        Ok(Self(Arc::new(Inner {
            lanes: lanes.take(LANES).collect(),
            environment,
            clock,
            metrics,
            grouping: Grouping::new()?,
            events,
            reading: Arc::new(Semaphore::new(READING_KIB)),
            writing: Arc::new(Semaphore::new(WRITING_KIB)),
        })))
    }

    /// Room for this many bytes of a body. A request that finds none soon is refused before they are read.
    pub async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Error> {
        reserve(&self.0.reading, bytes.min(MAX_BODY_BYTES)).await
    }

    /// Stores a batch. When this answers, what it says is stored is on disk.
    pub async fn take(
        &self,
        principal: &Principal,
        user_agent: Option<String>,
        body: &[u8],
    ) -> Result<Taken, Error> {
        let taken = self.try_take(principal, user_agent, body).await;
        match &taken {
            Ok(taken) => self.count(taken),
            Err(error) => self.refused(error),
        }
        taken
    }

    /// Whether the database was away when it was last looked for.
    pub fn is_away(&self) -> bool {
        self.0
            .lanes
            .iter()
            .any(|lane| lane.is_away.load(Ordering::Relaxed))
    }

    /// Counts a batch of which nothing was stored.
    pub fn refused(&self, error: &Error) {
        let batches = &self.0.metrics.navi_telemetry_batches_refused_total;
        batches.with_label_values(&[reason(error)]).inc();
        if let Error::NoneStored { received, .. } = error {
            self.add("rejected", *received);
        }
    }

    async fn try_take(
        &self,
        principal: &Principal,
        user_agent: Option<String>,
        body: &[u8],
    ) -> Result<Taken, Error> {
        let sender = Sender {
            org_id: principal.org_id.clone(),
            user_id: principal.user_id.clone(),
            user_agent,
        };
        let lane = self.lane(sender.org_id.as_str());
        if lane.is_away.load(Ordering::Relaxed) {
            return Err(Error::Unavailable);
        }
        // Before anything is done for it: work for a batch that is refused in the end is work that
        // others wait for.
        let room = reserve(&self.0.writing, weight(body)).await?;
        let now = self.0.clock.now();
        let batch = parse::batch(body, &sender, now)?;
        self.admit(principal, batch.received)?;
        let changed = changed(&batch);
        let mut taken = Taken {
            batch_id: batch.name.clone(),
            received: batch.received,
            persisted: 0,
            before: 0,
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
                None => Ok(taken),
            };
        }
        let observed: Vec<Observation> = batch.events.iter().filter_map(observations).collect();
        let (rows, rejected) = Rows::of(batch, &sender, &self.0.grouping, now);
        let stored = lane.write(rows, room).await?;
        taken.persisted = stored.persisted;
        taken.before = stored.before;
        taken.rejected = rejected;
        taken.rejected.extend(stored.refused);
        taken
            .rejected
            .sort_unstable_by_key(|rejected| rejected.index);
        if taken.before == 0 {
            for observation in observed {
                observation.count(&self.0.metrics);
            }
        }
        Ok(taken)
    }

    /// Records an error of this server, without waiting.
    pub fn report(&self, error: Occurrence) {
        let lane = self.lane(&error.org_id);
        let grouped = self.grouped(error);
        if lane.drafts.send(Draft::Error(Box::new(grouped))).is_err() {
            self.0.metrics.navi_telemetry_errors_lost_total.inc();
        }
    }

    /// Makes an error of this server fit to be kept and groups it, for whoever records it in a
    /// transaction of their own.
    pub fn grouped(&self, error: Occurrence) -> Grouped {
        let error = Occurrence {
            message: fit_text(&error.message),
            stack: error.stack.as_deref().map(fit_text),
            ..error
        };
        Grouped::of(error, &self.0.grouping)
    }

    /// Records an error of this server in the caller's transaction: it is there if the transaction is.
    pub async fn record(&self, conn: &mut PgConnection, error: Occurrence) -> sqlx::Result<()> {
        let grouped = self.grouped(error);
        let names = &mut Cardinality::default();
        errors::record(conn, &[&grouped], self.0.environment, names).await
    }

    fn admit(&self, principal: &Principal, events: usize) -> Result<(), Error> {
        let count = u32::try_from(events).unwrap_or(u32::MAX);
        match self.0.events.check_many(principal, count) {
            Some(seconds) => Err(Error::TooManyOfYours {
                limit: self.0.events.per_minute(),
                seconds,
            }),
            None => Ok(()),
        }
    }

    fn lane(&self, org_id: &str) -> &Lane {
        let sum: usize = org_id.bytes().map(usize::from).sum();
        &self.0.lanes[sum % LANES]
    }

    fn count(&self, taken: &Taken) {
        self.add("stored", taken.persisted - taken.before);
        self.add("repeated", taken.before);
        self.add("rejected", taken.rejected.len());
    }

    fn add(&self, outcome: &str, events: usize) {
        let counter = &self.0.metrics.navi_telemetry_events_total;
        counter.with_label_values(&[outcome]).inc_by(events as u64);
    }
}

/// The reason under which a refused batch is counted.
fn reason(error: &Error) -> &'static str {
    match error {
        Error::BodyTooLarge | Error::Body(BodyError::TooLarge) | Error::TooManyEvents(_) => {
            "too_large"
        }
        Error::Overloaded => "overload",
        Error::TooManyOfYours { .. } => "rate",
        Error::Unavailable => "unavailable",
        Error::Body(BodyError::Damaged(_) | BodyError::CutShort | BodyError::Slow)
        | Error::MediaType
        | Error::Syntax(_)
        | Error::Shape(_)
        | Error::BatchId
        | Error::NoneStored { .. } => "invalid",
    }
}

fn changed(batch: &Batch) -> Vec<(usize, Vec<Change>)> {
    let changed = batch
        .events
        .iter()
        .filter(|event| !event.changes.is_empty());
    changed
        .map(|event| (event.index, event.changes.clone()))
        .collect()
}

/// What is kept of an event in memory beside its text, roughly, in bytes.
const EVENT_BYTES: usize = 512;

/// What a batch will take in memory until it is on disk, roughly, in bytes: known before it is read.
fn weight(body: &[u8]) -> usize {
    body.len() + memchr_iter(b'{', body).count() * EVENT_BYTES
}

/// Takes room, waiting a moment for it.
async fn reserve(room: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Error> {
    // The largest of all takes all the room there is, and not more.
    let kib = bytes.div_ceil(1024).clamp(1, WRITING_KIB);
    let kib = u32::try_from(kib).unwrap_or(u32::MAX);
    match timeout(ROOM_PATIENCE, room.clone().acquire_many_owned(kib)).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(Error::Overloaded),
    }
}
