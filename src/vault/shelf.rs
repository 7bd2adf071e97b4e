//! Data keys that were unwrapped and are kept for a while.
//!
//! Bounded in number and in age, oldest out first. Those who miss the same key at the same time
//! share one call, and its failure too: a KMS that does not answer is waited for once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::platform::sync::lock;
use crate::vault::error::Error;

type Making<V> = BoxFuture<'static, Result<V, Error>>;

/// The bounds of a shelf.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// At most this many.
    pub count: usize,
    /// None for longer than this.
    pub age: Duration,
}

/// Kept values by their names.
pub struct Shelf<V> {
    bounds: Bounds,
    state: Mutex<State<V>>,
}

struct State<V> {
    kept: HashMap<Vec<u8>, Shelved<V>>,
    /// In the order of their making; entries that were replaced since are passed over.
    order: VecDeque<(Vec<u8>, u64)>,
    made: u64,
    /// Calls that have a waiter. A call without any is gone.
    under_way: HashMap<Vec<u8>, WeakShared<Making<V>>>,
}

struct Shelved<V> {
    value: V,
    since: Instant,
    number: u64,
}

impl<V: Clone + Send + Sync + 'static> Shelf<V> {
    /// An empty shelf.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let state = State {
            kept: HashMap::new(),
            order: VecDeque::new(),
            made: 0,
            under_way: HashMap::new(),
        };
        Arc::new(Self {
            bounds,
            state: Mutex::new(state),
        })
    }

    /// The value of this name, if it is there, young enough and `usable`.
    pub fn get(&self, name: &[u8], now: Instant, usable: impl Fn(&V) -> bool) -> Option<V> {
        self.find(&self.lock(), name, now, usable)
    }

    fn find(
        &self,
        state: &State<V>,
        name: &[u8],
        now: Instant,
        usable: impl Fn(&V) -> bool,
    ) -> Option<V> {
        let kept = state.kept.get(name)?;
        let fresh = now.saturating_duration_since(kept.since) < self.bounds.age;
        (fresh && usable(&kept.value)).then(|| kept.value.clone())
    }

    /// The value that `make` makes, or that another caller made or is making under this name since this
    /// one looked.
    pub async fn make<F>(
        self: &Arc<Self>,
        name: Vec<u8>,
        usable: impl Fn(&V) -> bool,
        make: F,
    ) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>> + Send + 'static,
    {
        self.join(name, usable, make).await
    }

    fn join<F>(
        self: &Arc<Self>,
        name: Vec<u8>,
        usable: impl Fn(&V) -> bool,
        make: F,
    ) -> Shared<Making<V>>
    where
        F: Future<Output = Result<V, Error>> + Send + 'static,
    {
        let mut state = self.lock();
        if let Some(value) = self.find(&state, &name, Instant::now(), usable) {
            return futures_util::future::ready(Ok(value)).boxed().shared();
        }
        let other = state.under_way.get(&name).and_then(WeakShared::upgrade);
        if let Some(other) = other {
            return other;
        }
        let (keeper, own) = (self.clone(), name.clone());
        let making = async move {
            let outcome = make.await;
            keeper.lock().under_way.remove(&own);
            if let Ok(value) = &outcome {
                keeper.put(own, value.clone(), Instant::now());
            }
            outcome
        };
        let making = making.boxed().shared();
        state.under_way.retain(|_, other| other.upgrade().is_some());
        if let Some(weak) = making.downgrade() {
            state.under_way.insert(name, weak);
        }
        making
    }

    /// Keeps a value, and drops entries that are too old or too many.
    pub fn put(&self, name: Vec<u8>, value: V, now: Instant) {
        let mut state = self.lock();
        state.made += 1;
        let number = state.made;
        let kept = Shelved {
            value,
            since: now,
            number,
        };
        state.order.push_back((name.clone(), number));
        state.kept.insert(name, kept);
        self.sweep(&mut state, now);
    }

    /// Drops entries that are too old. A key on the shelf is wiped when it is out of use.
    pub fn forget_old(&self, now: Instant) {
        self.sweep(&mut self.lock(), now);
    }

    fn sweep(&self, state: &mut State<V>, now: Instant) {
        while let Some((name, number)) = state.order.front() {
            let current = state.kept.get(name).filter(|kept| kept.number == *number);
            let goes = current.is_none_or(|kept| {
                state.kept.len() > self.bounds.count
                    || now.saturating_duration_since(kept.since) >= self.bounds.age
            });
            if !goes {
                return;
            }
            if current.is_some() {
                state.kept.remove(name);
            }
            state.order.pop_front();
        }
    }

    /// A panic elsewhere leaves the shelf as it was between two of its own steps.
    fn lock(&self) -> MutexGuard<'_, State<V>> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn shelf(count: usize) -> Arc<Shelf<u32>> {
        let age = Duration::from_mins(5);
        Shelf::new(Bounds { count, age })
    }

    fn count(shelf: &Shelf<u32>) -> usize {
        shelf.lock().kept.len()
    }

    fn has(shelf: &Shelf<u32>, name: &[u8], now: Instant) -> bool {
        shelf.get(name, now, |_| true).is_some()
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many_and_a_replaced_one_counts_once() {
        let (shelf, now) = (shelf(2), Instant::now());
        for (name, value) in [("a", 1), ("b", 2), ("a", 3)] {
            shelf.put(name.into(), value, now);
        }
        assert_eq!(shelf.get(b"a", now, |_| true), Some(3));
        assert!(has(&shelf, b"b", now));
        shelf.put("c".into(), 4, now);
        assert!(!has(&shelf, b"b", now), "it is the oldest now");
        assert!(has(&shelf, b"a", now) && has(&shelf, b"c", now));
        assert_eq!(count(&shelf), 2);
    }

    #[test]
    fn nothing_is_used_or_kept_beyond_its_age() {
        let (shelf, now) = (shelf(9), Instant::now());
        shelf.put("a".into(), 1, now);
        let almost = now + Duration::from_secs(299);
        assert!(has(&shelf, b"a", almost));
        shelf.forget_old(almost);
        assert_eq!(count(&shelf), 1);
        let late = now + Duration::from_mins(5);
        assert!(!has(&shelf, b"a", late));
        shelf.forget_old(late);
        assert_eq!(count(&shelf), 0);
    }

    #[tokio::test]
    async fn those_who_miss_together_share_one_call_and_its_failure() {
        for outcome in [Ok(7), Err(Error::Throttled)] {
            let (shelf, calls) = (shelf(9), Arc::new(AtomicUsize::new(0)));
            let ask = || {
                let (calls, outcome) = (calls.clone(), outcome.clone());
                shelf.make(b"a".to_vec(), |_| false, async move {
                    calls.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    outcome
                })
            };
            let answers = futures_util::future::join_all((0..50).map(|_| ask())).await;
            assert!(answers.iter().all(|answer| *answer == outcome));
            assert_eq!(calls.load(Ordering::SeqCst), 1);
            assert_eq!(count(&shelf), usize::from(outcome.is_ok()));
            assert_eq!(ask().await, outcome, "a failure is not kept");
            assert_eq!(calls.load(Ordering::SeqCst), 2);
        }
    }

    #[tokio::test]
    async fn a_call_that_everybody_left_is_begun_anew() {
        let shelf = shelf(9);
        let stuck = shelf.make(b"a".to_vec(), |_| true, std::future::pending());
        let left = tokio::time::timeout(Duration::from_millis(5), stuck).await;
        assert!(left.is_err());
        let anew = shelf.make(b"a".to_vec(), |_| true, async { Ok(1) });
        assert_eq!(anew.await, Ok(1));
    }
}
