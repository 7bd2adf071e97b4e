//! Who follows which run, and how far its log is known to be.
//!
//! This is a shortcut, not the truth. A stream holds a cursor and nothing else; it is woken when its
//! run has moved on, takes the newest events from the run's short shared memory if they are there, and
//! reads the log otherwise. So a slow client costs the run nothing, and itself no more than what is
//! on its way to it. Runs of other processes are followed by signals, and by looking once a second
//! for when a signal is lost.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::agent::audience::{Audience, Readers};
use crate::agent::event_log::Recorded;
use crate::agent::model::RunId;
use crate::platform::ids::OrgId;
use crate::platform::signals::Signals;
use crate::platform::sync::lock;

/// The topic under which processes tell that a log has grown; the number is its last sequence.
pub const EVENTS: &str = "events";

/// The topic under which a process tells that a run is followed there.
pub const FOLLOWED: &str = "followed";
/// The interval at which a stream tells the process that works on its run that it follows.
pub const TELL_EVERY: Duration = Duration::from_secs(8);
/// The time for which that holds; two of them may be lost.
const FOLLOWED_FOR: Duration = Duration::from_secs(25);

/// Events that a run's shared memory holds, at most.
const RECENT: usize = 64;

/// The runs that are worked on or followed in this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Followers {
    runs: Arc<Mutex<HashMap<RunId, Followed>>>,
    /// The time at which another process last told that it has streams of a run that is unknown here. The
    /// word may come before this process takes the run.
    told_early: Arc<Mutex<HashMap<RunId, Instant>>>,
    signals: Signals,
}

#[derive(Debug)]
struct Followed {
    org_id: OrgId,
    head: watch::Sender<i64>,
    recent: Arc<Mutex<VecDeque<Arc<Recorded>>>>,
    /// Ends the run, when it is worked on here, and the fence under which it is.
    cancel: Option<(CancellationToken, i64)>,
    /// How far each stream of this process has handed the log to its client.
    streams: Vec<Arc<AtomicI64>>,
    /// Number of [`Watcher`]s.
    watchers: usize,
    /// A stream has come further, or is gone.
    handed: Arc<Notify>,
    /// When another process last told that it has streams of this run.
    told_elsewhere: Option<Instant>,
}

impl Followers {
    /// No run is worked on or followed yet.
    pub fn new(signals: Signals) -> Self {
        Self {
            runs: Arc::default(),
            told_early: Arc::default(),
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
        let told = lock(&self.told_early).remove(&run_id);
        followed.told_elsewhere = followed.told_elsewhere.max(told);
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
            if followed.is_idle() {
                runs.remove(&run_id);
            }
        }
    }

    /// Hands committed events to all streams and watchers, here and in other processes.
    pub fn publish(&self, run_id: RunId, recorded: Vec<Recorded>) {
        let Some(last) = recorded.last().map(|entry| entry.sequence) else {
            return;
        };
        self.signals.tell(EVENTS, &run_id, last);
        let runs = self.lock();
        let Some(followed) = runs.get(&run_id) else {
            return;
        };
        // Without a stream no event of the memory would ever be taken.
        if !followed.streams.is_empty() {
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
        let cursor = Arc::new(AtomicI64::new(0));
        followed.streams.push(cursor.clone());
        followed.moved_to(last);
        Follower {
            run_id,
            cursor,
            handed: followed.handed.clone(),
            head: followed.head.subscribe(),
            recent: followed.recent.clone(),
            followers: self.clone(),
        }
    }

    /// Watches a run whose log is known to reach to `last`, without a stream to a client: edits do not
    /// wait for a watcher.
    pub fn watch(&self, org_id: &OrgId, run_id: RunId, last: i64) -> Watcher {
        let mut runs = self.lock();
        let followed = runs
            .entry(run_id)
            .or_insert_with(|| Followed::new(org_id.clone(), last));
        followed.watchers += 1;
        followed.moved_to(last);
        Watcher {
            run_id,
            head: followed.head.subscribe(),
            followers: self.clone(),
        }
    }

    /// Another process tells that a run is followed there.
    pub fn heard_follower(&self, run_id: RunId) {
        let now = Instant::now();
        if let Some(followed) = self.lock().get_mut(&run_id) {
            followed.told_elsewhere = Some(now);
            return;
        }
        let mut told = lock(&self.told_early);
        told.retain(|_, at| now.duration_since(*at) < FOLLOWED_FOR);
        told.insert(run_id, now);
    }

    /// Gives the clients that follow a run time to read its log as it is now; returns at once when
    /// there are none.
    pub async fn let_clients_read(&self, run_id: RunId) -> Readers {
        match self.audience_of(run_id) {
            Some(audience) => audience.read().await,
            None => Readers::None,
        }
    }

    fn audience_of(&self, run_id: RunId) -> Option<Audience> {
        self.lock().get(&run_id).and_then(Followed::audience)
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
            streams: Vec::new(),
            watchers: 0,
            handed: Arc::default(),
            told_elsewhere: None,
        }
    }

    /// Who follows; none when no client does.
    fn audience(&self) -> Option<Audience> {
        let elsewhere = self
            .told_elsewhere
            .is_some_and(|told| told.elapsed() < FOLLOWED_FOR);
        (elsewhere || !self.streams.is_empty()).then(|| Audience {
            head: *self.head.borrow(),
            streams: self.streams.clone(),
            handed: self.handed.clone(),
        })
    }

    /// True when the entry can be removed: the run is not worked on, streamed or watched here.
    fn is_idle(&self) -> bool {
        self.cancel.is_none() && self.streams.is_empty() && self.watchers == 0
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
    cursor: Arc<AtomicI64>,
    handed: Arc<Notify>,
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

    /// Notes that the log up to here was handed to the client.
    pub fn handed(&self, sequence: i64) {
        self.cursor.store(sequence, Ordering::Release);
        self.handed.notify_waiters();
    }

    /// Tells the process that works on the run, if that is another, that a client follows.
    pub fn tell(&self) {
        let runs = self.followers.lock();
        if runs
            .get(&self.run_id)
            .is_some_and(|run| run.cancel.is_none())
        {
            self.followers.signals.tell(FOLLOWED, &self.run_id, 0);
        }
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
        // Nothing is waited for that will not be handed over any more.
        self.handed(i64::MAX);
        followed
            .streams
            .retain(|cursor| !Arc::ptr_eq(cursor, &self.cursor));
        if followed.streams.is_empty() {
            lock(&followed.recent).clear();
        }
        if followed.is_idle() {
            runs.remove(&self.run_id);
        }
    }
}

/// Wakes when a run's log grows. The entry of the run stays until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    run_id: RunId,
    head: watch::Receiver<i64>,
    followers: Followers,
}

impl Watcher {
    /// The last known sequence number of the log.
    pub fn head(&self) -> i64 {
        *self.head.borrow()
    }

    /// Waits until the log reaches beyond `cursor`.
    pub async fn beyond(&mut self, cursor: i64) {
        // The sender lives in the map for as long as this watcher is counted there.
        let _moved = self.head.wait_for(|head| *head > cursor).await;
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut runs = self.followers.lock();
        if let Some(followed) = runs.get_mut(&self.run_id) {
            followed.watchers = followed.watchers.saturating_sub(1);
            if followed.is_idle() {
                runs.remove(&self.run_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

    use tokio::time::sleep;

    use super::*;
    use crate::agent::audience::{READ_TIME, WIRE_TIME};
    use crate::platform::clock::Clock;

    fn followers() -> Followers {
        let db = PgPoolOptions::new().connect_lazy_with(PgConnectOptions::new());
        Followers::new(Signals::new(db))
    }

    /// A run that is worked on here and whose log ends at 5.
    fn run(followers: &Followers) -> (OrgId, RunId) {
        let (org_id, run_id) = ("org-1".parse().unwrap(), RunId::new(&Clock::System));
        followers.begin(&org_id, run_id, (5, 1), CancellationToken::new());
        (org_id, run_id)
    }

    /// Less than a second, so that what waits for a stream that hands nothing over is told apart.
    const LATE: Duration = Duration::from_millis(300);

    async fn waited(followers: &Followers, run_id: RunId) -> Duration {
        let began = Instant::now();
        followers.let_clients_read(run_id).await;
        began.elapsed()
    }

    #[tokio::test]
    async fn without_followers_nothing_waits() {
        let followers = followers();
        let (org_id, run_id) = run(&followers);
        assert!(followers.audience_of(run_id).is_none());
        let stream = followers.follow(&org_id, run_id, 5);
        assert!(followers.audience_of(run_id).is_some());
        drop(stream);
        assert!(followers.audience_of(run_id).is_none());
        followers.heard_follower(run_id);
        assert!(
            followers.audience_of(run_id).is_some(),
            "followed elsewhere"
        );
    }

    #[tokio::test]
    async fn a_run_that_is_taken_later_has_the_followers_that_were_told_before() {
        let followers = followers();
        let (org_id, run_id) = ("org-1".parse().unwrap(), RunId::new(&Clock::System));
        followers.heard_follower(run_id);
        assert!(followers.audience_of(run_id).is_none());
        followers.begin(&org_id, run_id, (5, 1), CancellationToken::new());
        assert!(followers.audience_of(run_id).is_some());
    }

    #[tokio::test]
    async fn a_watcher_sees_new_events_and_slows_no_edit() {
        let followers = followers();
        let (org_id, run_id) = run(&followers);
        let mut watcher = followers.watch(&org_id, run_id, 5);
        assert!(followers.audience_of(run_id).is_none());
        followers.heard(run_id, 6);
        watcher.beyond(5).await;
        // The run ends here and goes on elsewhere; the streams of this process come and go.
        followers.end(run_id, 1);
        drop(followers.follow(&org_id, run_id, 6));
        assert_eq!(followers.elsewhere(), [(org_id, run_id)]);
        followers.heard(run_id, 7);
        watcher.beyond(6).await;
        assert_eq!(watcher.head(), 7);
        drop(watcher);
        assert_eq!(followers.elsewhere(), []);
    }

    #[tokio::test]
    async fn a_client_has_its_time_once_its_stream_has_handed_over_the_log() {
        let followers = followers();
        let (org_id, run_id) = run(&followers);
        let stream = followers.follow(&org_id, run_id, 5);
        let hand = async {
            stream.handed(4);
            sleep(LATE).await;
            stream.handed(5);
        };
        let (waited, ()) = tokio::join!(waited(&followers, run_id), hand);
        assert!(waited >= LATE + READ_TIME, "{waited:?}");
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_not_waited_for_forever() {
        let followers = followers();
        let (org_id, run_id) = run(&followers);
        let _stream = followers.follow(&org_id, run_id, 5);
        assert!(waited(&followers, run_id).await >= WIRE_TIME + READ_TIME);
    }
}
