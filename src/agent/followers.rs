//! Who follows which run, and how far its log is known to be.
//!
//! This is a shortcut, not the truth. A stream holds a cursor and nothing else; it is woken when its
//! run has moved on, takes the newest events from the run's short shared memory if they are there, and
//! reads the log otherwise. So a slow client costs the run nothing, and itself no more than what is
//! on its way to it. Runs of other processes are followed by signals, and by looking once a second
//! for when a signal is lost.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::agent::event_log::Recorded;
use crate::agent::model::RunId;
use crate::platform::ids::OrgId;
use crate::platform::signals::Signals;

/// The topic under which processes tell that a log has grown; the number is its last sequence.
pub const EVENTS: &str = "events";

/// Events that a run's shared memory holds, at most.
const RECENT: usize = 64;

/// The runs that are worked on or followed in this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Followers {
    runs: Arc<Mutex<HashMap<RunId, Followed>>>,
    signals: Signals,
}

#[derive(Debug)]
struct Followed {
    org_id: OrgId,
    head: watch::Sender<i64>,
    recent: Arc<Mutex<VecDeque<Arc<Recorded>>>>,
    /// Ends the run, when it is worked on here, and the fence under which it is.
    cancel: Option<(CancellationToken, i64)>,
    streams: usize,
}

impl Followers {
    /// Nobody follows anything yet.
    pub fn new(signals: Signals) -> Self {
        Self {
            runs: Arc::default(),
            signals,
        }
    }

    /// A run is worked on here from now on under this fence; its log ends at `last`. `cancel` is what
    /// [`Self::cancel`] cancels.
    pub fn begin(
        &self,
        org_id: &OrgId,
        run_id: RunId,
        (last, fence): (i64, i64),
        cancel: CancellationToken,
    ) {
        let mut runs = self.lock();
        let followed = runs
            .entry(run_id)
            .or_insert_with(|| Followed::new(org_id.clone(), last));
        followed.cancel = Some((cancel, fence));
        followed.moved_to(last);
    }

    /// A run is not worked on here any more under this fence. A process that lost a run may have
    /// taken it again before it has let go of it.
    pub fn end(&self, run_id: RunId, fence: i64) {
        let mut runs = self.lock();
        if let Some(followed) = runs.get_mut(&run_id) {
            if followed.fence() != Some(fence) {
                return;
            }
            followed.cancel = None;
            if followed.streams == 0 {
                runs.remove(&run_id);
            }
        }
    }

    /// Hands committed events to whoever follows, here and elsewhere.
    pub fn publish(&self, run_id: RunId, recorded: Vec<Recorded>) {
        let Some(last) = recorded.last().map(|entry| entry.sequence) else {
            return;
        };
        self.signals.tell(EVENTS, &run_id, last);
        let runs = self.lock();
        let Some(followed) = runs.get(&run_id) else {
            return;
        };
        // Without anybody who follows, the memory would only hold what nobody takes.
        if followed.streams > 0 {
            let mut recent = lock(&followed.recent);
            recent.extend(recorded.into_iter().map(Arc::new));
            let surplus = recent.len().saturating_sub(RECENT);
            recent.drain(..surplus);
        }
        followed.moved_to(last);
    }

    /// Another process tells that a log has grown.
    pub fn heard(&self, run_id: RunId, last: i64) {
        if let Some(followed) = self.lock().get(&run_id) {
            followed.moved_to(last);
        }
    }

    /// Follows a run whose log is known to reach to `last`.
    pub fn follow(&self, org_id: &OrgId, run_id: RunId, last: i64) -> Follower {
        let mut runs = self.lock();
        let followed = runs
            .entry(run_id)
            .or_insert_with(|| Followed::new(org_id.clone(), last));
        followed.streams += 1;
        followed.moved_to(last);
        Follower {
            run_id,
            head: followed.head.subscribe(),
            recent: followed.recent.clone(),
            followers: self.clone(),
        }
    }

    /// The runs that are followed here and worked on elsewhere.
    pub fn elsewhere(&self) -> Vec<(OrgId, RunId)> {
        let runs = self.lock();
        let remote = runs.iter().filter(|(_, run)| run.cancel.is_none());
        remote.map(|(id, run)| (run.org_id.clone(), *id)).collect()
    }

    /// Tells a run of this process to stop. Answers whether it is one.
    pub fn cancel(&self, run_id: RunId) -> bool {
        let cancel = self.lock().get(&run_id).and_then(|run| run.cancel.clone());
        cancel.inspect(|(cancel, _)| cancel.cancel()).is_some()
    }

    /// Whether a run is worked on here under this fence.
    pub fn works_on(&self, run_id: RunId, fence: i64) -> bool {
        let runs = self.lock();
        runs.get(&run_id).and_then(Followed::fence) == Some(fence)
    }

    /// How many runs are worked on here.
    pub fn count(&self) -> usize {
        self.lock()
            .values()
            .filter(|run| run.cancel.is_some())
            .count()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Followed>> {
        lock(&self.runs)
    }
}

impl Followed {
    fn new(org_id: OrgId, last: i64) -> Self {
        Self {
            org_id,
            head: watch::channel(last).0,
            recent: Arc::default(),
            cancel: None,
            streams: 0,
        }
    }

    fn fence(&self) -> Option<i64> {
        self.cancel.as_ref().map(|(_, fence)| *fence)
    }

    fn moved_to(&self, last: i64) {
        self.head.send_if_modified(|head| {
            let moved = last > *head;
            *head = last.max(*head);
            moved
        });
    }
}

/// One stream's view of a run. Dropping it is the stream's end.
#[derive(Debug)]
pub struct Follower {
    run_id: RunId,
    head: watch::Receiver<i64>,
    recent: Arc<Mutex<VecDeque<Arc<Recorded>>>>,
    followers: Followers,
}

impl Follower {
    /// How far the log is known to reach.
    pub fn head(&self) -> i64 {
        *self.head.borrow()
    }

    /// Waits until the log is known to reach beyond `cursor`.
    pub async fn beyond(&mut self, cursor: i64) {
        // The sender lives in the map for as long as this follower is counted there.
        let _moved = self.head.wait_for(|head| *head > cursor).await;
    }

    /// The event after `cursor`, if the run's shared memory still has it.
    pub fn recent(&self, cursor: i64) -> Option<Arc<Recorded>> {
        let recent = lock(&self.recent);
        let first = recent.front()?.sequence;
        let at = usize::try_from(cursor + 1 - first).ok()?;
        let found = recent.get(at)?;
        (found.sequence == cursor + 1).then(|| found.clone())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut runs = self.followers.lock();
        let Some(followed) = runs.get_mut(&self.run_id) else {
            return;
        };
        followed.streams = followed.streams.saturating_sub(1);
        if followed.streams == 0 {
            lock(&followed.recent).clear();
            if followed.cancel.is_none() {
                runs.remove(&self.run_id);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is locked is whole between two statements, so a panic elsewhere leaves it usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
