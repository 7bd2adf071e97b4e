//! The runs of this process: who watches them, and how they are told to stop.
//!
//! This is a shortcut, not the truth: a stream that finds its run here is woken at once, and one
//! that does not reads the log. Nothing is kept here that the log does not hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::agent::event_log::Recorded;
use crate::agent::model::RunId;

/// Events a watcher may lag behind before it has to read the log again. A slow client costs the
/// run nothing but these references.
const LAG: usize = 256;

#[derive(Debug)]
struct LiveRun {
    events: broadcast::Sender<Arc<Recorded>>,
    cancel: CancellationToken,
}

/// The runs that are being worked on in this process.
#[derive(Clone, Debug, Default)]
pub struct LiveRuns(Arc<Mutex<HashMap<RunId, LiveRun>>>);

impl LiveRuns {
    /// A run begins. `cancel` is what [`Self::cancel`] cancels.
    pub fn begin(&self, run_id: RunId, cancel: CancellationToken) {
        let (events, _) = broadcast::channel(LAG);
        self.lock().insert(run_id, LiveRun { events, cancel });
    }

    /// A run ended; its watchers see their channel close and read the rest from the log.
    pub fn end(&self, run_id: RunId) {
        self.lock().remove(&run_id);
    }

    /// Hands committed events to whoever watches.
    pub fn publish(&self, run_id: RunId, recorded: Vec<Recorded>) {
        let Some(events) = self.lock().get(&run_id).map(|run| run.events.clone()) else {
            return;
        };
        for entry in recorded {
            // No watcher is no error: the log has the event.
            let _ = events.send(Arc::new(entry));
        }
    }

    /// Watches a run, when it is in this process.
    pub fn watch(&self, run_id: RunId) -> Option<broadcast::Receiver<Arc<Recorded>>> {
        self.lock().get(&run_id).map(|run| run.events.subscribe())
    }

    /// Tells a run of this process to stop.
    pub fn cancel(&self, run_id: RunId) {
        if let Some(run) = self.lock().get(&run_id) {
            run.cancel.cancel();
        }
    }

    /// How many runs are under way here.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, LiveRun>> {
        // The map is whole between two statements, so a panic elsewhere leaves it usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
