//! The part of the connections that reading may have.
//!
//! Lists and figures are asked for by anyone who may see them, as often as they like, and each may take
//! long. They share the connections of everything else, but never hold more than half of them: the other
//! half is left for runs, for what changes something and for what clients report. What is work may use them
//! all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

tokio::task_local! {
    static USE: ConnectionUse;
}

/// The use that a connection is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionUse {
    /// All but reading.
    Work,
    /// Answering a request that changes nothing.
    Reading,
}

impl ConnectionUse {
    /// The use of what runs now.
    pub fn current() -> Self {
        USE.try_get().unwrap_or(Self::Work)
    }

    /// Runs something for this use.
    pub async fn run<T>(self, what: impl Future<Output = T>) -> T {
        USE.scope(self, what).await
    }

    /// Polls something for this use.
    pub fn poll<T>(self, what: impl FnOnce() -> T) -> T {
        USE.sync_scope(self, what)
    }
}

/// A turn to use a connection.
#[derive(Debug)]
pub struct PoolTurn {
    /// One of the turns of the pool.
    pub all: OwnedSemaphorePermit,
    /// One of those that reading may have; absent for work.
    pub reading: Option<OwnedSemaphorePermit>,
}

/// The turns that reading may have.
#[derive(Debug)]
pub struct Share {
    turns: Arc<Semaphore>,
    /// The turns that there are, free or taken.
    size: AtomicU32,
    waiting: AtomicU32,
}

/// A caller that waits to read; counted until it is dropped.
struct WaitingReader<'a>(&'a AtomicU32);

impl Share {
    /// Half of so many.
    pub fn of(most: u32) -> Self {
        let size = half(most);
        Self {
            turns: Arc::new(Semaphore::new(size as usize)),
            size: AtomicU32::new(size),
            waiting: AtomicU32::new(0),
        }
    }

    /// A turn, in the order in which they were asked for.
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = WaitingReader(&self.waiting);
        self.turns.clone().acquire_owned().await
    }

    /// Takes a turn back, and keeps to half of what is granted: the server may grant fewer connections than
    /// the pool wishes for.
    pub fn give_back(&self, turn: Option<OwnedSemaphorePermit>, granted: u32) {
        let wished = half(granted);
        let grow = |size: u32| (size < wished).then_some(size + 1);
        let shrink = |size: u32| (size > wished).then_some(size - 1);
        if self.change(grow) {
            self.turns.add_permits(1);
        } else if let Some(turn) = turn
            && self.change(shrink)
        {
            turn.forget();
        }
    }

    fn change(&self, size: impl FnMut(u32) -> Option<u32>) -> bool {
        let order = Ordering::Relaxed;
        self.size.fetch_update(order, order, size).is_ok()
    }

    /// The number of turns that are taken, and of callers that wait for one.
    pub fn count(&self) -> (u32, u32) {
        let free = u32::try_from(self.turns.available_permits()).unwrap_or(u32::MAX);
        let size = self.size.load(Ordering::Relaxed);
        let waiting = self.waiting.load(Ordering::Relaxed);
        (size.saturating_sub(free), waiting)
    }
}

fn half(connections: u32) -> u32 {
    (connections / 2).max(1)
}

impl Drop for WaitingReader<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reading_keeps_to_half_of_what_is_granted() {
        let share = Share::of(8);
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(share.turn().await.unwrap());
        }
        assert_eq!(share.count(), (4, 0));
        assert_eq!(share.turns.available_permits(), 0);
        // The server has taken half of them back.
        for turn in taken.drain(..) {
            share.give_back(Some(turn), 4);
        }
        assert_eq!((share.turns.available_permits(), share.count().0), (2, 0));
        // It grants them once more.
        for _ in 0..8 {
            share.give_back(None, 8);
        }
        assert_eq!(share.turns.available_permits(), 4);
    }

    #[test]
    fn reading_has_one_turn_at_least() {
        for (most, expected) in [(1, 1), (2, 1), (3, 1), (4, 2), (16, 8)] {
            assert_eq!(half(most), expected);
        }
    }

    #[tokio::test]
    async fn a_use_holds_for_what_it_runs_and_for_nothing_else() {
        assert_eq!(ConnectionUse::current(), ConnectionUse::Work);
        let inside = ConnectionUse::Reading
            .run(async { ConnectionUse::current() })
            .await;
        assert_eq!(inside, ConnectionUse::Reading);
        assert_eq!(
            ConnectionUse::Reading.poll(ConnectionUse::current),
            ConnectionUse::Reading
        );
        assert_eq!(ConnectionUse::current(), ConnectionUse::Work);
    }
}
