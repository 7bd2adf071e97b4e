//! The handle of the agent: what it works with, its slots, and its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, SetOnce};
use tokio_util::sync::CancellationToken;

use crate::agent::deps::Deps;
use crate::platform::ids::RunId;

/// The agent of this process; cheap to clone.
#[derive(Clone)]
pub struct AgentService(Arc<Inner>);

struct Inner {
    deps: Deps,
    slots: Arc<Semaphore>,
    /// Work may be there, or a slot for it.
    wake: Notify,
    stopping: CancellationToken,
    /// True once this process takes whatever waits.
    takes_jobs: AtomicBool,
    /// The one run that it takes up otherwise.
    wanted: SetOnce<RunId>,
}

impl AgentService {
    /// An agent that works on nothing yet.
    pub fn new(deps: Deps) -> Self {
        let slots = Arc::new(Semaphore::new(deps.config.max_concurrent_runs));
        Self(Arc::new(Inner {
            deps,
            slots,
            wake: Notify::new(),
            stopping: CancellationToken::new(),
            takes_jobs: AtomicBool::new(false),
            wanted: SetOnce::new(),
        }))
    }

    /// The services that the agent uses.
    pub fn deps(&self) -> &Deps {
        &self.0.deps
    }

    /// The slots of this process, one for each run that it works on.
    pub(crate) fn slots(&self) -> &Arc<Semaphore> {
        &self.0.slots
    }

    /// Wakes this process's worker.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// Takes up one run of those that wait, or whose process was lost, where this process takes none by itself.
    pub fn take_up(&self, run: RunId) {
        // A command wants one in its life.
        let _first = self.0.wanted.set(run);
    }

    /// The one run to take up, as soon as there is one.
    pub(crate) async fn wanted(&self) -> RunId {
        *self.0.wanted.wait().await
    }

    /// Takes jobs from now on.
    pub(crate) fn take_jobs(&self) {
        self.0.takes_jobs.store(true, Ordering::Relaxed);
    }

    /// True if this process takes jobs.
    pub(crate) fn takes_jobs(&self) -> bool {
        self.0.takes_jobs.load(Ordering::Relaxed)
    }

    /// Cancelled once the runs of this process are told to end.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    /// Ends all runs of this process so that others can go on with them. Returns whether all of them
    /// ended within `grace`.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.0.stopping.cancel();
        let deadline = Instant::now() + grace;
        while self.0.deps.active.count() > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }
}
