//! The streams that follow runs in this process, and how far each log is known to reach.
//!
//! This is a shortcut, not the truth. A stream holds a cursor and nothing else; it is woken when its
//! run has moved on, takes the newest events from the run's short shared memory if they are there, and
//! reads the log otherwise. So a slow client costs the run nothing, and itself no more than what is
//! on its way to it. Runs of other processes are followed by signals, which a process is sent once it has told
//! that it follows, and by polling twice a second for those that were lost.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::platform::ids::{OrgId, RunId};
use crate::platform::signals::Signals;
use crate::platform::sync::lock;
use crate::runs::active::ActiveRuns;
use crate::runs::log::audience::{Audience, Readers};
use crate::runs::log::store::events::Recorded;
use crate::runs::topics::{EVENTS, FOLLOWED};

/// The interval at which a stream tells the process that works on its run that it follows.
pub const TELL_EVERY: Duration = Duration::from_secs(8);
/// The time for which that holds; two of them may be lost.
const FOLLOWED_FOR: Duration = Duration::from_secs(25);

/// Events that a run's shared memory holds, at most.
const RECENT: usize = 64;

/// The runs that are followed in this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed {
    runs: Arc<Mutex<HashMap<RunId, Followed>>>,
    /// The time at which another process last told that it has streams of a run. It may tell so before
    /// this process takes the run.
    told: Arc<Mutex<HashMap<RunId, Instant>>>,
    active: ActiveRuns,
    signals: Signals,
}

#[derive(Debug)]
struct Followed {
    org_id: OrgId,
    head: watch::Sender<i64>,
    recent: Arc<Mutex<VecDeque<Arc<Recorded>>>>,
    /// For each stream of this process, the sequence number up to which its client was handed the log.
    streams: Vec<Arc<AtomicI64>>,
    /// Number of [`Watcher`]s.
    watchers: usize,
    /// A stream has come further, or is gone.
    handed: Arc<Notify>,
}

impl Feed {
    /// A feed without followers, of runs some of which are `active` in this process.
    pub fn new(signals: Signals, active: ActiveRuns) -> Self {
        Self {
            runs: Arc::default(),
            told: Arc::default(),
            active,
            signals,
        }
    }

    /// Hands committed events to all streams and watchers, here and in other processes.
    pub fn publish(&self, run_id: RunId, recorded: Vec<Recorded>) {
        let Some(last) = recorded.last().map(|entry| entry.sequence) else {
            return;
        };
        // Every message costs Postgres a commit, and its listeners a wake-up.
        if self.is_followed_elsewhere(run_id) {
            self.signals.tell(EVENTS, &run_id, last);
        }
        let runs = lock(&self.runs);
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
        if let Some(followed) = lock(&self.runs).get(&run_id) {
            followed.moved_to(last);
        }
    }

    /// Follows a run whose log is known to reach to `last`.
    pub fn follow(&self, org_id: &OrgId, run_id: RunId, last: i64) -> Follower {
        let mut runs = lock(&self.runs);
        let followed = entry(&mut runs, org_id, run_id, last);
        let cursor = Arc::new(AtomicI64::new(0));
        followed.streams.push(cursor.clone());
        Follower {
            run_id,
            cursor,
            handed: followed.handed.clone(),
            head: followed.head.subscribe(),
            recent: followed.recent.clone(),
            feed: self.clone(),
        }
    }

    /// Watches a run whose log is known to reach to `last`, without a stream to a client: edits do not
    /// wait for a watcher. The process that works on a run watches it, so that a stream that comes
    /// later misses nothing.
    pub fn watch(&self, org_id: &OrgId, run_id: RunId, last: i64) -> Watcher {
        let mut runs = lock(&self.runs);
        let followed = entry(&mut runs, org_id, run_id, last);
        followed.watchers += 1;
        Watcher {
            run_id,
            head: followed.head.subscribe(),
            feed: self.clone(),
        }
    }

    /// Another process tells that a run is followed there. From now on it hears when the log of a run of
    /// this process grows, and at first how far it has come meanwhile.
    pub fn heard_follower(&self, run_id: RunId) {
        let now = Instant::now();
        let mut told = lock(&self.told);
        told.retain(|_, at| now.duration_since(*at) < FOLLOWED_FOR);
        let is_new = told.insert(run_id, now).is_none();
        drop(told);
        if is_new && self.active.contains(run_id) {
            let head = lock(&self.runs).get(&run_id).map(|run| *run.head.borrow());
            if let Some(head) = head {
                self.signals.tell(EVENTS, &run_id, head);
            }
        }
    }

    /// True if another process has told lately that a run is followed there.
    fn is_followed_elsewhere(&self, run_id: RunId) -> bool {
        let told = lock(&self.told).get(&run_id).copied();
        told.is_some_and(|told| told.elapsed() < FOLLOWED_FOR)
    }

    /// Gives the clients that follow a run time to read its log as it is now; returns at once when
    /// there are none.
    pub async fn let_clients_read(&self, run_id: RunId) -> Readers {
        match self.audience_of(run_id) {
            Some(audience) => audience.read().await,
            None => Readers::None,
        }
    }

    /// The clients that follow a run; none when no client does.
    fn audience_of(&self, run_id: RunId) -> Option<Audience> {
        let elsewhere = self.is_followed_elsewhere(run_id);
        let runs = lock(&self.runs);
        let here = runs.get(&run_id).filter(|run| !run.streams.is_empty());
        match here {
            Some(followed) => Some(Audience {
                head: *followed.head.borrow(),
                streams: followed.streams.clone(),
                handed: followed.handed.clone(),
            }),
            None => elsewhere.then(Audience::elsewhere),
        }
    }

    /// The runs that are followed here and worked on elsewhere.
    pub fn elsewhere(&self) -> Vec<(OrgId, RunId)> {
        let runs = lock(&self.runs);
        let remote = runs.iter().filter(|(id, _)| !self.active.contains(**id));
        remote.map(|(id, run)| (run.org_id.clone(), *id)).collect()
    }
}

/// The entry of a run, made when it is missing, whose log reaches at least to `last`.
fn entry<'a>(
    runs: &'a mut MutexGuard<'_, HashMap<RunId, Followed>>,
    org_id: &OrgId,
    run_id: RunId,
    last: i64,
) -> &'a mut Followed {
    let followed = runs
        .entry(run_id)
        .or_insert_with(|| Followed::new(org_id.clone(), last));
    followed.moved_to(last);
    followed
}

impl Followed {
    fn new(org_id: OrgId, last: i64) -> Self {
        Self {
            org_id,
            head: watch::channel(last).0,
            recent: Arc::default(),
            streams: Vec::new(),
            watchers: 0,
            handed: Arc::default(),
        }
    }

    fn is_idle(&self) -> bool {
        self.streams.is_empty() && self.watchers == 0
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
    feed: Feed,
}

impl Follower {
    /// The sequence number that the log is known to reach.
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
        if !self.feed.active.contains(self.run_id) {
            self.feed.signals.tell(FOLLOWED, &self.run_id, 0);
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
        let mut runs = lock(&self.feed.runs);
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
    feed: Feed,
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
        let mut runs = lock(&self.feed.runs);
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
    use sqlx::postgres::PgConnectOptions;

    use crate::platform::database::pool::Pool;
    use crate::platform::database::stock::PoolLimits;
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::platform::clock::Clock;
    use crate::runs::event::Event;
    use crate::runs::log::audience::{READ_TIME, WIRE_TIME};
    use crate::runs::model::RunStatus;

    fn feed() -> Feed {
        let db = Pool::new(PgConnectOptions::new(), PoolLimits::default());
        Feed::new(Signals::new(db), ActiveRuns::default())
    }

    /// A run that is worked on here.
    fn run(feed: &Feed) -> (OrgId, RunId) {
        let (org_id, run_id) = ("org-1".parse().unwrap(), RunId::new(&Clock::System));
        feed.active.begin(run_id, 1, CancellationToken::new());
        (org_id, run_id)
    }

    /// Less than a second, so that what waits for a stream that hands nothing over is told apart.
    const LATE: Duration = Duration::from_millis(300);

    async fn waited(feed: &Feed, run_id: RunId) -> Duration {
        let began = Instant::now();
        feed.let_clients_read(run_id).await;
        began.elapsed()
    }

    #[tokio::test]
    async fn without_followers_nothing_waits() {
        let feed = feed();
        let (org_id, run_id) = run(&feed);
        assert!(feed.audience_of(run_id).is_none());
        let stream = feed.follow(&org_id, run_id, 5);
        assert!(feed.audience_of(run_id).is_some());
        drop(stream);
        assert!(feed.audience_of(run_id).is_none());
        feed.heard_follower(run_id);
        assert!(feed.audience_of(run_id).is_some(), "followed elsewhere");
    }

    #[tokio::test]
    async fn a_run_that_is_taken_later_has_the_followers_that_were_told_before() {
        let feed = feed();
        let run_id = RunId::new(&Clock::System);
        feed.heard_follower(run_id);
        feed.active.begin(run_id, 1, CancellationToken::new());
        assert!(feed.audience_of(run_id).is_some());
    }

    fn event(sequence: i64) -> Recorded {
        let (text, timestamp) = ("piece".to_owned(), 0);
        Recorded {
            sequence,
            event: Event::Text { text, timestamp },
            run_status: RunStatus::Running,
            at: Clock::System.now(),
        }
    }

    #[tokio::test]
    async fn a_log_is_told_of_only_to_processes_that_follow_it() {
        let feed = feed();
        let (org_id, run_id) = run(&feed);
        let _worker = feed.watch(&org_id, run_id, 1);
        feed.publish(run_id, vec![event(2)]);
        assert!(feed.signals.untold().is_empty());
        // The events that it has missed by then, and from then on everything.
        feed.heard_follower(run_id);
        assert_eq!(feed.signals.untold(), [2]);
        feed.publish(run_id, vec![event(3), event(4)]);
        assert_eq!(feed.signals.untold(), [4]);
    }

    #[tokio::test]
    async fn a_stream_that_comes_later_knows_what_was_published_before() {
        let feed = feed();
        let (org_id, run_id) = run(&feed);
        let _worker = feed.watch(&org_id, run_id, 5);
        feed.heard(run_id, 7);
        assert_eq!(feed.follow(&org_id, run_id, 5).head(), 7);
    }

    #[tokio::test]
    async fn a_watcher_sees_new_events_and_slows_no_edit() {
        let feed = feed();
        let (org_id, run_id) = run(&feed);
        let mut watcher = feed.watch(&org_id, run_id, 5);
        assert!(feed.audience_of(run_id).is_none());
        feed.heard(run_id, 6);
        watcher.beyond(5).await;
        // The run ends here and goes on elsewhere; the streams of this process come and go.
        feed.active.end(run_id, 1);
        drop(feed.follow(&org_id, run_id, 6));
        assert_eq!(feed.elsewhere(), [(org_id, run_id)]);
        feed.heard(run_id, 7);
        watcher.beyond(6).await;
        assert_eq!(watcher.head(), 7);
        drop(watcher);
        assert_eq!(feed.elsewhere(), []);
    }

    #[tokio::test]
    async fn a_client_has_its_time_once_its_stream_has_handed_over_the_log() {
        let feed = feed();
        let (org_id, run_id) = run(&feed);
        let stream = feed.follow(&org_id, run_id, 5);
        let hand = async {
            stream.handed(4);
            sleep(LATE).await;
            stream.handed(5);
        };
        let (waited, ()) = tokio::join!(waited(&feed, run_id), hand);
        assert!(waited >= LATE + READ_TIME, "{waited:?}");
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_not_waited_for_forever() {
        let feed = feed();
        let (org_id, run_id) = run(&feed);
        let _stream = feed.follow(&org_id, run_id, 5);
        assert!(waited(&feed, run_id).await >= WIRE_TIME + READ_TIME);
    }
}
