//! Keeping this process's lease.
//!
//! The lease is renewed three times in its length. When that fails until it has ended, others may
//! have taken what this process works on; it lets go of everything, ends what its tools started, and
//! goes on as a new worker. It counts by its own clock from the moment *before* each renewal was
//! sent, so it never believes in its lease longer than the database does.
//!
//! A process on the same machine that is gone keeps no other waiting: its lease is ended for it, as soon as
//! its [`Presence`] shows that nothing of it is left.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::exec::presence::{Lost, Presence};
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::ids::WorkerId;
use crate::platform::sync::lock;
use crate::platform::tasks::Tasks;
use crate::runs::lease::model::LeaseTimes;
use crate::runs::lease::store;

/// The pause after a renewal that failed.
const RETRY: Duration = Duration::from_millis(250);
/// The pause between two looks for processes that are gone.
const LOOK_FOR_LOST: Duration = Duration::from_millis(500);

/// The lease of this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Lease {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: Pool,
    clock: Clock,
    host: String,
    times: LeaseTimes,
    presence: Option<Presence>,
    term: Mutex<Term>,
}

/// One worker's time: from when it got its lease until it lost it.
#[derive(Clone, Debug)]
pub struct Term {
    /// The worker.
    pub worker: WorkerId,
    /// Cancelled when the lease is lost. What was taken under it must be let go.
    pub lost: CancellationToken,
    /// When the lease was last renewed; never, while a new worker waits for its first.
    renewed: Option<Instant>,
}

impl Lease {
    /// Gets a lease, and keeps it until `tasks` end; gives it up then.
    pub async fn acquire(
        db: &Pool,
        clock: Clock,
        times: LeaseTimes,
        presence: Option<&Presence>,
        tasks: &Tasks,
    ) -> sqlx::Result<Self> {
        let host = nix::unistd::gethostname().unwrap_or_default();
        let host = format!("{}:{}", host.to_string_lossy(), std::process::id());
        let presence = presence.cloned();
        let mut term = Term::new(&clock, presence.as_ref());
        // A connection of its own: a busy pool must not cost a healthy process its lease.
        let db = db.beside();
        let mut conn = db.acquire().await?;
        let sent = Instant::now();
        store::renew(&mut conn, term.worker, &host, times.lasts).await?;
        term.renewed = Some(sent);
        drop(conn);
        let lease = Self {
            inner: Arc::new(Inner {
                db,
                clock,
                host,
                times,
                presence,
                term: Mutex::new(term),
            }),
        };
        let (heir, stopping) = (lease.clone(), tasks.stopping());
        tasks.spawn(async move {
            stopping.run_until_cancelled(heir.end_the_lost()).await;
        });
        let (keeper, stopping) = (lease.clone(), tasks.stopping());
        tasks.spawn(async move {
            stopping.run_until_cancelled(keeper.keep()).await;
            keeper.give_up().await;
        });
        Ok(lease)
    }

    /// The present term; none while this process has no lease. The time is looked at, and not only what
    /// the keeper says: a process that was stopped wakes up with a keeper that has not noticed yet.
    pub fn term(&self) -> Option<Term> {
        let term = self.lock().clone();
        let lasts = self.inner.times.lasts;
        let holds = term
            .renewed
            .is_some_and(|renewed| renewed.elapsed() < lasts);
        holds.then_some(term)
    }

    /// Waits until this process has a lease.
    pub async fn held(&self) {
        while self.term().is_none() {
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn keep(&self) {
        loop {
            let sent = Instant::now();
            let pause = match self.renew().await {
                Ok(true) => {
                    self.lock().renewed = Some(sent);
                    self.inner.times.renew_every()
                }
                Ok(false) => {
                    self.lose("it had ended").await;
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%error, "the lease could not be renewed");
                    RETRY
                }
            };
            let renewed = self.lock().renewed;
            let ends = renewed.map(|renewed| renewed + self.inner.times.lasts);
            let wake = Instant::now() + pause;
            tokio::time::sleep_until(ends.map_or(wake, |ends| wake.min(ends)).into()).await;
            if ends.is_some_and(|ends| Instant::now() >= ends) {
                self.lose("the database did not answer").await;
            }
        }
    }

    async fn renew(&self) -> sqlx::Result<bool> {
        let (inner, worker) = (&self.inner, self.lock().worker);
        let renewal = async {
            let mut conn = inner.db.acquire().await?;
            let renewed = store::renew(&mut conn, worker, &inner.host, inner.times.lasts).await?;
            if renewed {
                store::forget_the_lost(&mut conn).await?;
            }
            Ok(renewed)
        };
        // A renewal that hangs is one that failed.
        match tokio::time::timeout(inner.times.renew_every(), renewal).await {
            Ok(renewed) => renewed,
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Lets go of the runs that were taken, and begins a new term.
    async fn lose(&self, why: &str) {
        let lost = {
            let mut term = self.lock();
            let next = Term::new(&self.inner.clock, self.inner.presence.as_ref());
            std::mem::replace(&mut *term, next)
        };
        tracing::error!(worker.id = %lost.worker, why, "the lease is lost; its runs are let go");
        lost.lost.cancel();
        tokio::time::sleep(RETRY).await;
    }

    async fn give_up(&self) {
        let worker = self.lock().worker;
        match self.end_lease(worker).await {
            Ok(_) => self.inner.presence.iter().for_each(Presence::hide),
            Err(error) => {
                tracing::warn!(%error, "the lease was not given up; it ends by itself");
            }
        }
    }

    async fn end_lease(&self, worker: WorkerId) -> sqlx::Result<bool> {
        let mut conn = self.inner.db.acquire().await?;
        store::give_up(&mut conn, worker).await
    }

    /// Ends the leases of processes that are gone, again and again: what they had started may end some
    /// time after them, and others that live now may be gone later.
    async fn end_the_lost(&self) {
        let Some(presence) = &self.inner.presence else {
            return;
        };
        loop {
            for lost in presence.find_lost() {
                if let Err(error) = self.end_leases_of(lost).await {
                    tracing::warn!(%error, "the leases of a process that is gone end by themselves");
                }
            }
            tokio::time::sleep(LOOK_FOR_LOST).await;
        }
    }

    async fn end_leases_of(&self, lost: Lost) -> sqlx::Result<()> {
        let mut was_ours = false;
        let workers = lost.notes.iter().filter_map(|note| note.parse().ok());
        for worker in workers.map(WorkerId) {
            if self.end_lease(worker).await? {
                was_ours = true;
                tracing::info!(worker.id = %worker, "a process is gone, and its lease with it");
            }
        }
        lost.forget(was_ours);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Term> {
        lock(&self.inner.term)
    }
}

impl Term {
    fn new(clock: &Clock, presence: Option<&Presence>) -> Self {
        let worker = WorkerId::new(clock);
        if let Some(Err(error)) = presence.map(|presence| presence.note(&worker.to_string())) {
            tracing::warn!(%error, "others will wait for the end of the lease of this process");
        }
        Self {
            worker,
            lost: CancellationToken::new(),
            renewed: None,
        }
    }
}
