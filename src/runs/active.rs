//! The runs that this process works on, and how to end them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use crate::platform::ids::RunId;
use crate::platform::sync::lock;

/// The registry of the runs that are worked on in this process; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct ActiveRuns(Arc<Mutex<HashMap<RunId, ActiveRun>>>);

#[derive(Clone, Debug)]
struct ActiveRun {
    /// The fence under which this process writes.
    fence: i64,
    cancel: CancellationToken,
}

impl ActiveRuns {
    /// Registers a run. `cancel` is what [`Self::cancel`] cancels.
    pub fn begin(&self, run_id: RunId, fence: i64, cancel: CancellationToken) {
        lock(&self.0).insert(run_id, ActiveRun { fence, cancel });
    }

    /// Removes a run that was worked on under this fence. A process that lost a run may have taken it
    /// again before it has let go of it; that one stays.
    pub fn end(&self, run_id: RunId, fence: i64) {
        let mut runs = lock(&self.0);
        if runs.get(&run_id).is_some_and(|run| run.fence == fence) {
            runs.remove(&run_id);
        }
    }

    /// Cancels a run of this process. Returns whether it is one.
    pub fn cancel(&self, run_id: RunId) -> bool {
        let run = lock(&self.0).get(&run_id).cloned();
        run.inspect(|run| run.cancel.cancel()).is_some()
    }

    /// True if this process works on a run.
    pub fn contains(&self, run_id: RunId) -> bool {
        lock(&self.0).contains_key(&run_id)
    }

    /// True if this process works on a run under this fence.
    pub fn works_on(&self, run_id: RunId, fence: i64) -> bool {
        let runs = lock(&self.0);
        runs.get(&run_id).is_some_and(|run| run.fence == fence)
    }

    /// The number of runs that this process works on.
    pub fn count(&self) -> usize {
        lock(&self.0).len()
    }
}
