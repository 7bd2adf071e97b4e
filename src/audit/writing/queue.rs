//! Records that wait for their place in a log, in the order in which they came.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

use crate::audit::model::Phase;
use crate::audit::record::Record;
use crate::platform::metrics::Metrics;

/// The most completed records that are kept while the database is away. What was done cannot be
/// undone, so these wait as long as there is room.
const MAX_WAITING: usize = 65_536;

/// The fate of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// It is committed.
    Written,
    /// It was not, and another one may be.
    NotNow,
    /// Its log takes no records until a person has looked.
    Closed,
}

/// A record that waits for its place.
#[derive(Debug)]
pub struct Draft {
    /// All but number, time and hashes.
    pub record: Record,
    /// Told once it is committed, or that it will not be.
    pub done: oneshot::Sender<WriteOutcome>,
    /// Counts it as long as it is on its way, if no caller waits for it.
    pub handed_over: Option<HandedOver>,
}

impl Draft {
    /// A record that no caller waits for.
    pub fn alone(record: Record) -> Self {
        Self {
            record,
            done: oneshot::channel().0,
            handed_over: None,
        }
    }
}

/// The number of records that are on their way to the disk and that no caller waits for.
#[derive(Clone, Debug, Default)]
pub struct OnTheWay(Arc<AtomicUsize>);

impl OnTheWay {
    /// Counts one more, until that is dropped.
    pub fn count(&self) -> HandedOver {
        self.0.fetch_add(1, Ordering::SeqCst);
        HandedOver(self.clone())
    }

    /// Their number.
    pub fn number(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// One of them.
#[derive(Debug)]
pub struct HandedOver(OnTheWay);

impl Drop for HandedOver {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A message to the writer.
#[derive(Debug)]
pub enum Posted {
    /// A record to write.
    Draft(Box<Draft>),
    /// Told once all that was sent before is written, or will not be.
    Barrier(oneshot::Sender<()>),
}

/// The records that wait to be written.
#[derive(Debug)]
pub struct DraftQueue {
    waiting: VecDeque<Posted>,
    drafts: usize,
    metrics: Metrics,
}

impl DraftQueue {
    /// Nothing yet.
    pub fn new(metrics: Metrics) -> Self {
        Self {
            waiting: VecDeque::new(),
            drafts: 0,
            metrics,
        }
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        self.drafts
    }

    /// True if no record waits.
    pub fn is_empty(&self) -> bool {
        self.drafts == 0
    }

    /// Takes in what was sent.
    pub fn push(&mut self, message: Posted) {
        match message {
            Posted::Draft(draft) => self.owe(*draft),
            Posted::Barrier(told) => {
                self.waiting.push_back(Posted::Barrier(told));
                self.open_barriers();
            }
        }
    }

    /// Keeps a draft until it is written. A caller that gave up waiting for a beginning does nothing either,
    /// so it is dropped.
    pub fn owe(&mut self, draft: Draft) {
        match draft.record.phase {
            Phase::Begun if draft.done.is_closed() => {}
            Phase::Completed | Phase::Noted if self.drafts >= MAX_WAITING => self.lose(&draft),
            Phase::Begun | Phase::Completed | Phase::Noted => {
                self.drafts += 1;
                self.waiting.push_back(Posted::Draft(Box::new(draft)));
            }
        }
    }

    fn lose(&self, draft: &Draft) {
        self.metrics.navi_audit_records_lost_total.inc();
        tracing::error!(
            audit.entry = %draft.record.entry_id,
            "an audit record is lost, because too many wait for the database"
        );
    }

    /// Takes out the first drafts, at most so many and none behind a barrier.
    pub fn take(&mut self, most: usize) -> Vec<Draft> {
        let mut batch = Vec::new();
        while batch.len() < most {
            match self.waiting.pop_front() {
                Some(Posted::Draft(draft)) => batch.push(*draft),
                Some(barrier @ Posted::Barrier(_)) => {
                    self.waiting.push_front(barrier);
                    break;
                }
                None => break,
            }
        }
        self.drafts -= batch.len();
        batch
    }

    /// Puts drafts back where they were.
    pub fn put_back(&mut self, batch: Vec<Draft>) {
        self.drafts += batch.len();
        for draft in batch.into_iter().rev() {
            self.waiting.push_front(Posted::Draft(Box::new(draft)));
        }
    }

    /// Tells those who waited for what stood before them: once it was taken and is not put back.
    pub fn open_barriers(&mut self) {
        while let Some(Posted::Barrier(_)) = self.waiting.front() {
            if let Some(Posted::Barrier(told)) = self.waiting.pop_front() {
                // The reader may have given up.
                let _told = told.send(());
            }
        }
    }
}
