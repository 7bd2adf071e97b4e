//! Beginning and completing entries.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::error::SendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::audit::error::Error;
use crate::audit::keyring::Keyring;
use crate::audit::model::{Ending, EntryId, NewEntry, Outcome, Phase};
use crate::audit::note::{Checkpoint, VerifyingKey};
use crate::audit::record::{Personal, Record, digest};
use crate::audit::sealing;
use crate::audit::seals::fitting::log_states;
use crate::audit::witnessing::floors::Floors;
use crate::audit::witnessing::witness::Witness;
use crate::audit::writing::closed::ClosedLogs;
use crate::audit::writing::queue::{Draft, OnTheWay, Posted, WriteOutcome};
use crate::audit::writing::writer::Writer;
use crate::platform::clock::{Clock, sql_millis};
use crate::platform::database::pool::Pool;
use crate::platform::health::Probe;
use crate::platform::metrics::Metrics;
use crate::platform::tasks::Tasks;
use crate::vault::envelope::DataKey;

/// Time limit for a beginning, after which its action is refused: an answer within a second.
const PATIENCE: Duration = Duration::from_millis(900);
/// The most beginnings that wait at once; beyond, they are refused without waiting.
const MAX_WAITING: usize = 8_192;
/// The most ends that are on their way to the disk while no caller waits for them; with more, callers wait.
const MAX_HANDED_OVER: usize = 2_048;
/// The time for which records of finished actions are still tried at the end of the process.
const GRACE: Duration = Duration::from_secs(5);

/// The audit log of all organisations; cheap to clone.
#[derive(Clone, Debug)]
pub struct Audit(Arc<Inner>);

/// The state that the handles share.
#[derive(Debug)]
pub struct Inner {
    pub(super) db: Pool,
    pub(super) clock: Clock,
    pub(super) keys: Arc<Keyring>,
    pub(super) metrics: Metrics,
    pub(super) witness: Witness,
    /// Where logs end at least.
    pub(super) floors: Arc<Floors>,
    /// Checkpoints that the server's own log is still to name.
    pub(super) unnamed: Mutex<Vec<Checkpoint>>,
    messages: mpsc::UnboundedSender<Posted>,
    waiting: AtomicUsize,
    on_the_way: OnTheWay,
    closed: ClosedLogs,
}

impl std::ops::Deref for Audit {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// An entry that has begun. Dropped without an end, it is completed as abandoned.
#[derive(Debug)]
#[must_use = "an entry that begins has an end"]
pub struct Open {
    audit: Audit,
    stub: Option<Record>,
    key: DataKey,
    began: Instant,
}

impl Audit {
    /// Opens the log and starts its writer, which ends with `tasks`. What is signed is shown to the
    /// witness.
    pub fn open(
        db: impl Into<Pool>,
        clock: Clock,
        keys: Arc<Keyring>,
        metrics: Metrics,
        witness: Witness,
        tasks: &Tasks,
    ) -> Self {
        let db = db.into();
        let (sender, messages) = mpsc::unbounded_channel();
        let verifying = keys.all().map(VerifyingKey::of).collect();
        let floors = Arc::new(Floors::new(witness.clone(), verifying));
        let closed = ClosedLogs::default();
        let writer = Writer::new(
            &db,
            clock.clone(),
            keys.clone(),
            floors.clone(),
            metrics.clone(),
            messages,
            closed.clone(),
        );
        tasks.spawn(writer.run(tasks.stopping(), GRACE));
        Self(Arc::new(Inner {
            db,
            clock,
            keys,
            metrics,
            witness,
            floors,
            unnamed: Mutex::default(),
            messages: sender,
            waiting: AtomicUsize::new(0),
            on_the_way: OnTheWay::default(),
            closed,
        }))
    }

    /// Looks which logs take no records, so that readiness need not learn it from a request that is refused.
    pub async fn look_at_logs(&self) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        let states = log_states(&mut conn, &self.keys, &self.floors).await?;
        self.closed.note_states(&states);
        Ok(())
    }

    /// Checks that the logs take records, as far as that is known.
    pub fn probe(&self) -> Probe {
        self.closed.probe()
    }

    /// The name of the audit key that seals new entries.
    pub fn key_id(&self) -> Result<&str, Error> {
        Ok(&self.keys.current()?.id)
    }

    /// Begins an entry. When this answers, the beginning is on disk; when it fails, what the entry is
    /// about must not happen.
    pub async fn begin(&self, entry: NewEntry) -> Result<Open, Error> {
        let began = Instant::now();
        let (stub, key) = self.draft(entry, Phase::Begun)?;
        self.write(stub.clone()).await?;
        Ok(Open {
            audit: self.clone(),
            stub: Some(stub),
            key,
            began,
        })
    }

    /// Notes what has happened already, and waits until that is on disk.
    pub async fn note(&self, entry: NewEntry, outcome: Outcome) -> Result<EntryId, Error> {
        let (mut record, _key) = self.draft(entry, Phase::Noted)?;
        record.outcome = Some(outcome);
        let id = EntryId(record.entry_id);
        self.write(record).await?;
        Ok(id)
    }

    /// Notes what has happened already, without waiting.
    pub fn note_later(&self, entry: NewEntry, outcome: Outcome) {
        match self.draft(entry, Phase::Noted) {
            Ok((mut record, _key)) => {
                record.outcome = Some(outcome);
                let _later = self.hand_over(record);
            }
            Err(error) => tracing::error!(%error, "an audit entry was not noted"),
        }
    }

    /// Writes a record and waits for it, as long as an answer may take.
    pub(super) async fn write(&self, record: Record) -> Result<(), Error> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(self.refusal());
        }
        let _place = Place(&self.waiting);
        let (done, told) = oneshot::channel();
        self.send(Draft {
            record,
            done,
            handed_over: None,
        });
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(WriteOutcome::Written)) => Ok(()),
            Ok(Ok(WriteOutcome::Closed)) => Err(Error::Closed),
            Ok(Ok(WriteOutcome::NotNow) | Err(_)) | Err(_) => Err(self.refusal()),
        }
    }

    /// The reason for which nothing is written at present.
    pub(super) fn refusal(&self) -> Error {
        if self.db.storage().is_refusing() {
            Error::Full
        } else {
            Error::Unavailable
        }
    }

    /// Hands a record to the writer. Readers wait for it ([`Self::settled`]), and the caller may.
    fn hand_over(&self, record: Record) -> oneshot::Receiver<WriteOutcome> {
        let (done, told) = oneshot::channel();
        self.send(Draft {
            record,
            done,
            handed_over: Some(self.on_the_way.count()),
        });
        told
    }

    fn send(&self, draft: Draft) {
        // A writer that has ended drops the draft, and with it the sender, which wakes the caller.
        if let Err(SendError(Posted::Draft(draft))) =
            self.messages.send(Posted::Draft(Box::new(draft)))
            && draft.record.phase == Phase::Completed
        {
            tracing::error!(
                audit.entry = %draft.record.entry_id,
                "the end of an audit entry came after the end of the server"
            );
        }
    }

    /// Waits until the ends that were handed over before this are written, so that a reader finds
    /// them; not at all if there are none, and not for long if the database takes nothing.
    pub async fn settled(&self) {
        if self.on_the_way.number() == 0 {
            return;
        }
        let (told, passed) = oneshot::channel();
        if self.messages.send(Posted::Barrier(told)).is_ok() {
            let _in_time = tokio::time::timeout(PATIENCE, passed).await;
        }
    }

    /// A record without its place in the log, and the key of its entry.
    pub(super) fn draft(&self, entry: NewEntry, phase: Phase) -> Result<(Record, DataKey), Error> {
        let log = entry.log.as_str().to_owned();
        let entry_id = EntryId::new(&self.clock).0;
        let key = DataKey::random()?;
        let wrapping = self.keys.current()?;
        let payload = entry
            .payload
            .as_ref()
            .map(|payload| sealing::seal_payload(&key, &log, entry_id, phase, payload));
        let payload = payload.transpose()?;
        let personal = Personal {
            actor: entry.actor.id,
            actor_role: entry.actor.role.map(|role| role.as_str().to_owned()),
            resource: entry.resource,
            blind: Some(blind()),
        };
        let entry_key = sealing::wrap(wrapping, &log, entry_id, &key)?;
        let record = Record {
            sequence: 0,
            entry_id,
            phase,
            created_at: self.clock.now(),
            event: entry.event,
            method: entry.method,
            route: entry.route,
            request_id: entry.request_id,
            trace_id: entry.trace_id,
            run_id: entry.run_id,
            status: None,
            outcome: None,
            duration_ms: None,
            actor_kind: entry.actor.kind,
            statement: None,
            commitment: personal.commitment(Some(&entry_key)).to_vec(),
            personal,
            payload_digest: payload.as_deref().map(|payload| digest(payload).to_vec()),
            payload,
            entry_key: Some(entry_key),
            key_id: Some(wrapping.id.clone()),
            erased_by: None,
            previous: Vec::new(),
            hash: Vec::new(),
            org_id: log,
        };
        Ok((record, key))
    }
}

/// Sixteen random bytes that cannot be guessed.
fn blind() -> Vec<u8> {
    rand::random::<[u8; 16]>().to_vec()
}

struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Open {
    /// Completes the entry. Waits until that is on disk, but not for long: what was done is done, and
    /// the writer goes on trying.
    pub async fn complete(mut self, ending: Ending) {
        let Some(stub) = self.stub.take() else { return };
        match self.completed(stub, &ending) {
            Ok(record) => {
                let _waited = self.audit.write(record).await;
            }
            Err(error) => tracing::error!(%error, "the end of an audit entry was not written"),
        }
    }

    /// Completes the entry without waiting for the disk: the writer has the record, and readers wait for
    /// it ([`Audit::settled`]). When too many are on their way already, this waits as [`Self::complete`].
    pub async fn hand_over(self, ending: Ending) {
        if self.audit.on_the_way.number() < MAX_HANDED_OVER {
            self.complete_later(&ending);
        } else {
            // In a box, because it is rare and every caller's future would hold it.
            Box::pin(self.complete(ending)).await;
        }
    }

    /// Completes the entry. Answers what ends when that is on disk, or after as long as
    /// [`Self::complete`] would wait.
    pub fn complete_soon(mut self, ending: &Ending) -> impl Future<Output = ()> + Send + use<> {
        let written = self.send_completed(ending);
        async move {
            if let Some(written) = written {
                let _waited = tokio::time::timeout(PATIENCE, written).await;
            }
        }
    }

    /// Completes the entry without waiting.
    pub fn complete_later(mut self, ending: &Ending) {
        let _later = self.send_completed(ending);
    }

    fn send_completed(&mut self, ending: &Ending) -> Option<oneshot::Receiver<WriteOutcome>> {
        let stub = self.stub.take()?;
        match self.completed(stub, ending) {
            Ok(record) => Some(self.audit.hand_over(record)),
            Err(error) => {
                tracing::error!(%error, "the end of an audit entry was not written");
                None
            }
        }
    }

    fn completed(&self, stub: Record, ending: &Ending) -> Result<Record, Error> {
        let payload = ending.payload.as_ref().map(|payload| {
            sealing::seal_payload(
                &self.key,
                &stub.org_id,
                stub.entry_id,
                Phase::Completed,
                payload,
            )
        });
        let payload = payload.transpose()?;
        let personal = match &ending.resource {
            Some(resource) => Personal {
                resource: Some(resource.clone()),
                blind: Some(blind()),
                ..Personal::default()
            },
            None => Personal::default(),
        };
        Ok(Record {
            phase: Phase::Completed,
            status: ending.status.map(i32::from),
            outcome: Some(ending.outcome),
            duration_ms: Some(sql_millis(self.began.elapsed())),
            commitment: personal.commitment(None).to_vec(),
            personal,
            payload_digest: payload.as_deref().map(|payload| digest(payload).to_vec()),
            payload,
            entry_key: None,
            ..stub
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _later = self.send_completed(&Ending::from(Outcome::Abandoned));
    }
}
