//! Health: checks that one background task repeats, and that any number of probes read.
//!
//! A probe costs a read of memory: no connection, no query. A check that hangs is cut off, so a
//! probe never waits for what it asks about.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde::Serialize;
use sqlx::Connection;
use sqlx::migrate::MigrateError;

use crate::platform::clock::millis;
use crate::platform::database::disk::try_storing;
use crate::platform::database::pool::Pool;
use crate::platform::database::refusal::{is_full, is_no_room, is_of_ended_session};
use crate::platform::database::stock::PoolState;
use crate::platform::database::storage::STORES_NOTHING;
use crate::platform::db;
use crate::platform::sync::{read, write};
use crate::platform::tasks::Tasks;

/// The interval of the checks.
const EVERY: Duration = Duration::from_secs(2);
/// The longest that one check may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest that a check waits for a connection; within [`PATIENCE`], so that it can say why there is
/// none.
const BRIEFLY: Duration = Duration::from_millis(1_500);
/// The pause before another session is asked.
const NEXT_SESSION: Duration = Duration::from_millis(20);
/// The detail while every connection is in use.
const BUSY: &str = "every connection to the database is in use; requests wait";
/// The detail while the server grants none.
const NO_ROOM: &str = "every connection that the database grants is taken by others";
/// The word for a check that has not run yet.
const NOT_YET: &str = "not checked yet";

/// Looks whether something works. Both texts are shown to anybody who asks, so they hold no
/// address, name or message of another system.
pub type Probe = Box<dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Check {
    /// The thing.
    #[schema(value_type = String)]
    pub name: &'static str,
    /// True when it works.
    pub ok: bool,
    /// Duration of the check, in milliseconds.
    pub latency_ms: u64,
    /// The result, and the remedy if there is a problem.
    pub detail: String,
}

/// The results of all checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = HealthReport)]
pub struct Report {
    /// True when every check is ok.
    pub ok: bool,
    /// The checks.
    pub checks: Vec<Check>,
}

impl From<Vec<Check>> for Report {
    fn from(checks: Vec<Check>) -> Self {
        Self {
            ok: checks.iter().all(|check| check.ok),
            checks,
        }
    }
}

/// The state of this process; cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    probes: Vec<(&'static str, Probe)>,
    patience: Duration,
    found: RwLock<Vec<Check>>,
    was_ready: AtomicBool,
    draining: AtomicBool,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health")
            .field("ready", &self.ready())
            .finish_non_exhaustive()
    }
}

impl Health {
    /// Health by these checks. Nothing is ready before they ran.
    pub fn new(probes: Vec<(&'static str, Probe)>) -> Self {
        Self::with_patience(probes, PATIENCE)
    }

    fn with_patience(probes: Vec<(&'static str, Probe)>, patience: Duration) -> Self {
        let found = probes
            .iter()
            .map(|(name, _)| Check {
                name,
                ok: false,
                latency_ms: 0,
                detail: NOT_YET.to_owned(),
            })
            .collect();
        Self(Arc::new(Inner {
            probes,
            patience,
            found: RwLock::new(found),
            was_ready: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        }))
    }

    /// Repeats the checks until the process ends.
    pub fn watch(&self, tasks: &Tasks) {
        let health = self.clone();
        let stopping = tasks.stopping();
        tasks.spawn(async move {
            loop {
                health.refresh().await;
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    () = stopping.cancelled() => break,
                }
            }
        });
    }

    /// Runs every check once, all at the same time. One that passed until now is run again before it counts
    /// as failing: a moment without processor or network is over by then.
    pub async fn refresh(&self) {
        let before = self.found();
        let checks = self.0.probes.iter().zip(before);
        let now = checks.map(|((name, probe), before)| async move {
            let found = self.look(name, probe).await;
            if before.ok && !found.ok {
                return self.look(name, probe).await;
            }
            found
        });
        let now = futures_util::future::join_all(now).await;
        let mut found = write(&self.0.found);
        for (before, after) in found.iter().zip(&now) {
            let known = before.detail != NOT_YET;
            if before.ok && !after.ok {
                tracing::warn!(check = after.name, detail = %after.detail, "a check fails");
            } else if known && !before.ok && after.ok {
                tracing::info!(check = after.name, "a check passes again");
            }
        }
        *found = now;
        if found.iter().all(|check| check.ok) {
            self.0.was_ready.store(true, Ordering::SeqCst);
        }
    }

    async fn look(&self, name: &'static str, probe: &Probe) -> Check {
        let began = Instant::now();
        let outcome = match tokio::time::timeout(self.0.patience, probe()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {:?}", self.0.patience)),
        };
        let latency_ms = millis(began.elapsed());
        let (ok, detail) = match outcome {
            Ok(detail) => (true, detail),
            Err(detail) => (false, detail),
        };
        Check {
            name,
            ok,
            latency_ms,
            detail,
        }
    }

    /// From now on the process is not ready: it is about to end.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
    }

    /// The report on whether this process runs at all. Restarting it would mend nothing that a
    /// check finds, so checks do not count here.
    pub fn live(&self) -> Report {
        Report::from(vec![this_process(true, "ok")])
    }

    /// The report on whether this process should be sent requests.
    pub fn ready(&self) -> Report {
        let mut checks = vec![if self.0.draining.load(Ordering::SeqCst) {
            this_process(false, "ending")
        } else {
            this_process(true, "ok")
        }];
        checks.extend(self.found());
        Report::from(checks)
    }

    /// The report on whether this process has been ready once. After that it stays started,
    /// whatever fails.
    pub fn startup(&self) -> Report {
        if self.0.was_ready.load(Ordering::SeqCst) {
            Report::from(vec![this_process(true, "started")])
        } else {
            let mut checks = vec![this_process(false, "starting")];
            checks.extend(self.found());
            Report::from(checks)
        }
    }

    fn found(&self) -> Vec<Check> {
        read(&self.0.found).clone()
    }
}

fn this_process(ok: bool, detail: &str) -> Check {
    Check {
        name: "self",
        ok,
        latency_ms: 0,
        detail: detail.to_owned(),
    }
}

/// Checks that the database answers; and that it stores something again, after a writer was told that it
/// cannot.
pub fn database_probe(db: &Pool) -> Probe {
    let db = db.clone();
    Box::new(move || {
        let db = db.clone();
        Box::pin(async move {
            let down = || "the database does not answer".to_owned();
            let answer = tokio::time::timeout(BRIEFLY, while_sessions_end(|| ping(&db)));
            match answer.await {
                Ok(Ok(())) => Ok("ok".to_owned()),
                Ok(Err(error)) if is_no_room(&error) => Err(NO_ROOM.to_owned()),
                Ok(Err(error)) if is_full(&error) => Err(STORES_NOTHING.to_owned()),
                Ok(Err(_)) => Err(down()),
                // Queries that wait for others will be served, so requests may come.
                Err(_) => match db.state() {
                    PoolState::Busy => Ok(BUSY.to_owned()),
                    PoolState::Refused => Err(NO_ROOM.to_owned()),
                    PoolState::Silent => Err(down()),
                },
            }
        })
    })
}

/// Checks that the database has every migration that this program knows.
pub fn migrations_probe(db: &Pool) -> Probe {
    let db = db.clone();
    Box::new(move || {
        let pool = db.clone();
        Box::pin(async move {
            let pending =
                tokio::time::timeout(BRIEFLY, while_sessions_end(|| count_pending(&pool)));
            match pending.await {
                Ok(Ok(0)) => Ok("ok".to_owned()),
                Ok(Ok(pending)) => Err(format!("{pending} pending; run `navi migrate`")),
                Err(_) if pool.state() == PoolState::Busy => Ok(BUSY.to_owned()),
                Ok(Err(_)) | Err(_) => Err("the applied migrations are not known".to_owned()),
            }
        })
    })
}

async fn ping(db: &Pool) -> sqlx::Result<()> {
    let mut conn = db.acquire().await?;
    conn.ping().await?;
    if db.storage().is_refusing() {
        try_storing(&mut conn).await?;
        db.storage().note_stored();
    }
    Ok(())
}

async fn count_pending(db: &Pool) -> sqlx::Result<usize> {
    let mut conn = db.acquire().await?;
    match db::pending(&mut conn).await {
        Ok(pending) => Ok(pending.len()),
        Err(db::Error::Query(error) | db::Error::Migrate(MigrateError::Execute(error))) => {
            Err(error)
        }
        Err(error) => Err(sqlx::Error::Protocol(error.to_string())),
    }
}

/// Asks again as long as sessions end while they are asked: an administrator or a pooler ends sessions
/// of a database that is there, and the next one says so.
async fn while_sessions_end<T, A>(ask: impl Fn() -> A) -> sqlx::Result<T>
where
    A: Future<Output = sqlx::Result<T>>,
{
    loop {
        match ask().await {
            Err(error) if is_of_ended_session(&error) => tokio::time::sleep(NEXT_SESSION).await,
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn answering(ok: &Arc<AtomicBool>) -> Health {
        let ok = ok.clone();
        let probe: Probe = Box::new(move || {
            let ok = ok.load(Ordering::SeqCst);
            Box::pin(async move {
                if ok {
                    Ok("ok".to_owned())
                } else {
                    Err("down".to_owned())
                }
            })
        });
        Health::new(vec![("thing", probe)])
    }

    #[tokio::test]
    async fn nothing_is_ready_before_its_checks_ran() {
        let health = answering(&Arc::new(AtomicBool::new(true)));
        assert!(health.live().ok);
        assert!(!health.ready().ok && !health.startup().ok);
        health.refresh().await;
        assert!(health.ready().ok && health.startup().ok);
    }

    #[tokio::test]
    async fn a_failing_check_ends_readiness_and_neither_life_nor_startup() {
        let ok = Arc::new(AtomicBool::new(true));
        let health = answering(&ok);
        health.refresh().await;
        ok.store(false, Ordering::SeqCst);
        health.refresh().await;
        assert!(!health.ready().ok);
        assert!(health.live().ok && health.startup().ok);
    }

    #[tokio::test]
    async fn a_check_that_fails_once_between_two_that_pass_counts_for_nothing() {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let probe: Probe = Box::new(move || {
            let fails = counted.fetch_add(1, Ordering::SeqCst) == 1;
            Box::pin(async move {
                if fails {
                    Err("down".to_owned())
                } else {
                    Ok("ok".to_owned())
                }
            })
        });
        let health = Health::new(vec![("thing", probe)]);
        health.refresh().await;
        health.refresh().await;
        assert!(health.ready().ok);
        assert_eq!(runs.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn who_drains_is_alive_and_not_ready() {
        let health = answering(&Arc::new(AtomicBool::new(true)));
        health.refresh().await;
        health.drain();
        assert!(!health.ready().ok);
        assert!(health.live().ok);
    }

    #[tokio::test]
    async fn a_check_that_hangs_is_cut_off() {
        let hangs: Probe = Box::new(|| Box::pin(std::future::pending()));
        let health = Health::with_patience(vec![("thing", hangs)], Duration::from_millis(5));
        health.refresh().await;
        assert_eq!(health.ready().checks[1].detail, "no answer within 5ms");
    }

    #[tokio::test]
    async fn probes_cost_no_check() {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let probe: Probe = Box::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok("ok".to_owned()) })
        });
        let health = Health::new(vec![("thing", probe)]);
        health.refresh().await;
        for _ in 0..1_000 {
            assert!(health.ready().ok);
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }
}
