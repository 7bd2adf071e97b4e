//! The worker of this process: claims runs that wait, and runs whose worker was lost.

use std::time::Duration;

use tokio::time::Instant;

use crate::agent::config::AgentConfig;
use crate::agent::error::Error;
use crate::agent::queue::listener::listen;
use crate::agent::queue::resume::{release, resume};
use crate::agent::service::AgentService;
use crate::platform::ids::RunId;
use crate::runs::lease;
use crate::runs::lease::keeper::Term;
use crate::runs::lease::model::{ClaimedRun, Shares};
use crate::runs::store::runs;

/// The interval of polling when nothing wakes the worker. An orphan is found this long after its
/// worker's lease has ended.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// Waiting runs are counted for as long as this part of the time, however many wait.
const COUNT_SHARE: u32 = 100;
/// Runs that are claimed together, at most.
const CLAIM: usize = 32;

/// Starts this process's listener and its worker, which takes up whatever waits, or the one run that is wanted.
pub fn start_working(service: &AgentService) {
    let (tasks, listener) = (&service.deps().tasks, service.clone());
    tasks.spawn(async move {
        let stopping = listener.stopping().clone();
        stopping.run_until_cancelled(listen(&listener)).await;
    });
    if service.deps().config.worker {
        service.take_jobs();
    }
    let worker = service.clone();
    tasks.spawn(async move {
        let stopping = worker.stopping().clone();
        let working = async {
            let only = if worker.takes_jobs() {
                None
            } else {
                Some(worker.wanted().await)
            };
            work(&worker, only).await;
        };
        stopping.run_until_cancelled(working).await;
    });
}

async fn work(service: &AgentService, only: Option<RunId>) {
    let mut next_count = Instant::now();
    loop {
        if let Err(error) = claim_waiting(service, only).await {
            tracing::warn!(?error, "waiting runs cannot be claimed");
        }
        tokio::select! {
            () = service.woken() => {}
            () = tokio::time::sleep(POLL_EVERY) => {}
        }
        if Instant::now() >= next_count {
            let began = Instant::now();
            count_waiting(service).await;
            next_count = Instant::now() + POLL_EVERY.max(began.elapsed() * COUNT_SHARE);
        }
    }
}

async fn count_waiting(service: &AgentService) {
    let deps = service.deps();
    let count = async {
        let mut conn = deps.db.acquire().await?;
        runs::count_waiting(&mut conn).await
    };
    if let Ok(count) = count.await {
        deps.metrics.navi_runs_waiting.set(count);
    }
}

/// Claims as many runs as there are slots for.
async fn claim_waiting(service: &AgentService, only: Option<RunId>) -> Result<(), Error> {
    loop {
        let Some(term) = service.deps().lease.term() else {
            return Ok(());
        };
        // The slots are not held meanwhile: an interactive run that comes now finds them.
        let free = service.slots().available_permits().min(CLAIM);
        if free == 0 {
            return Ok(());
        }
        let limit = i64::try_from(free).unwrap_or(i64::MAX);
        let claimed = claim(service, &term, limit, only).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        for claimed in claimed {
            let (service, term) = (service.clone(), term.clone());
            let slot = service.slots().clone().try_acquire_owned().ok();
            let tasks = service.deps().tasks.clone();
            tasks.spawn(async move {
                match slot {
                    Some(slot) => resume(&service, claimed, slot, term).await,
                    None => release(service.deps(), &claimed).await,
                }
            });
        }
    }
}

/// The most runs that may be under way.
pub(crate) fn shares(config: &AgentConfig) -> Shares {
    Shares {
        per_org: i64::from(config.max_runs_per_org),
        total: i64::from(config.max_runs_total),
    }
}

async fn claim(
    service: &AgentService,
    term: &Term,
    limit: i64,
    only: Option<RunId>,
) -> Result<Vec<ClaimedRun>, Error> {
    let deps = service.deps();
    let mut conn = deps.db.acquire().await?;
    if !lease::store::may_be_some(&mut conn).await? {
        return Ok(Vec::new());
    }
    drop(conn);
    let mut tx = deps.db.begin().await?;
    lease::store::take_alone(&mut tx).await?;
    let limit = if only.is_some() { i64::MAX } else { limit };
    let mut chosen = lease::store::choose(&mut tx, limit, shares(&deps.config)).await?;
    chosen.retain(|(_, id)| only.is_none_or(|only| only == *id));
    if chosen.is_empty() {
        // Said, and not left to the drop, or all others that claim would wait for it.
        tx.rollback().await?;
        return Ok(Vec::new());
    }
    let now = deps.clock.now();
    let claimed = lease::store::take(&mut tx, term.worker, &chosen, now).await?;
    tx.commit().await?;
    let orphans = claimed.iter().filter(|claimed| claimed.was_orphan).count();
    deps.metrics
        .navi_lease_takeovers_total
        .inc_by(orphans as u64);
    Ok(claimed)
}
