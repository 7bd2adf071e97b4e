//! The clients that follow a run, and the time they have to read before a file changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// The longest that a change of a file waits for a stream that does not take the call that announced it.
pub const WIRE_TIME: Duration = Duration::from_secs(1);
/// The time that it then gives the client to read the call. The VS Code extension copies a file for its
/// Undo when it sees the call, after it has dealt with the events before (it runs `git diff` for each
/// edit). A client in Node that does the same had its copy after 26 ms (median), and after 52 ms at most
/// of 42 times.
pub const READ_TIME: Duration = Duration::from_millis(250);

/// The clients that a change of a file waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// None: no client follows the run.
    None,
    /// Every one had the log, and its time to read.
    Ready,
    /// One did not take the log in time.
    Behind,
}

/// The streams of a run in this process at one moment, and where its log ended then.
#[derive(Debug)]
pub struct Audience {
    /// The last event of the log.
    pub head: i64,
    /// The last event that each stream has handed to its client.
    pub streams: Vec<Arc<AtomicI64>>,
    /// Notified when a stream has come further, or is gone.
    pub handed: Arc<Notify>,
}

impl Audience {
    /// Clients that follow through another process only.
    pub fn elsewhere() -> Self {
        Self {
            head: 0,
            streams: Vec::new(),
            handed: Arc::default(),
        }
    }

    /// Gives the clients time to read the log as it is now.
    pub async fn read(&self) -> Readers {
        // A stream that does not take the events has a client that does not read.
        let handed_over = timeout(WIRE_TIME, self.handed_over()).await;
        sleep(READ_TIME).await;
        if handed_over.is_ok() {
            Readers::Ready
        } else {
            Readers::Behind
        }
    }

    /// Waits until every stream has handed the log over to its client.
    async fn handed_over(&self) {
        loop {
            let mut more = std::pin::pin!(self.handed.notified());
            // From now on, so that no step is missed between the look and the wait.
            more.as_mut().enable();
            let behind = |cursor: &Arc<AtomicI64>| cursor.load(Ordering::Acquire) < self.head;
            if !self.streams.iter().any(behind) {
                return;
            }
            more.await;
        }
    }
}
