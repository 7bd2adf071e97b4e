//! The end of plans that are never started.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::agent::error::Error;
use crate::agent::finish::abandoned::Reason;
use crate::agent::queue::resume::end_claimed;
use crate::agent::service::AgentService;
use crate::jobs::plans::store;
use crate::platform::ids::{OrgId, RunId};
use crate::runs::lease;
use crate::runs::lease::model::ClaimedRun;
use crate::runs::outcome::Stopped;

/// The days that a plan waits to be started.
const KEPT_DAYS: i64 = 7;
/// The shortest pause before the first pass.
const FIRST_AFTER: Duration = Duration::from_mins(1);
/// The longest addition to that pause. Servers that start together take random parts of it.
const SPREAD: Duration = Duration::from_mins(5);
/// The pause between two passes.
const PASS_EVERY: Duration = Duration::from_hours(1);
/// Plans that are read together.
const AT_ONCE: usize = 100;

/// Ends plans that are never started, for as long as this process lives.
pub fn keep_ending_plans(service: &AgentService) {
    let (tasks, service) = (service.deps().tasks.clone(), service.clone());
    let stopping = tasks.stopping();
    tasks.spawn(async move {
        let ending = async {
            tokio::time::sleep(first_pause(rand::random())).await;
            loop {
                if let Err(error) = Box::pin(end_unstarted_plans(&service)).await {
                    tracing::warn!(%error, "plans that were never started are not ended");
                }
                tokio::time::sleep(PASS_EVERY).await;
            }
        };
        stopping.run_until_cancelled(ending).await;
    });
}

/// Ends all plans that were not started within a week. Returns their number.
pub async fn end_unstarted_plans(service: &AgentService) -> Result<usize, Error> {
    let before = service.deps().clock.now() - TimeDelta::days(KEPT_DAYS);
    let mut total = 0;
    loop {
        let (found, ended) = end_some_plans(service, before).await?;
        total += ended;
        // Plans that cannot be ended now wait for the next pass.
        if found < AT_ONCE || ended == 0 {
            return Ok(total);
        }
    }
}

/// Ends the oldest plans from before a moment. Returns how many were found and how many ended.
async fn end_some_plans(
    service: &AgentService,
    before: DateTime<Utc>,
) -> Result<(usize, usize), Error> {
    let mut conn = service.deps().db.acquire().await?;
    let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    let found = store::unstarted(&mut conn, before, limit).await?;
    drop(conn);
    let text = format!("the plan was not started within {KEPT_DAYS} days");
    let reason = Reason::failed(Stopped::Cancelled, text, "PLAN_NOT_STARTED");
    let mut ended = 0;
    for (org_id, run_id) in &found {
        if let Some(taken) = claim_unstarted(service, org_id, *run_id).await? {
            end_claimed(service, &taken, &reason).await;
            ended += 1;
        }
    }
    Ok((found.len(), ended))
}

/// Takes a plan for this process, to end it. None when it was started since it was found, or
/// another process changes it at this moment.
async fn claim_unstarted(
    service: &AgentService,
    org_id: &OrgId,
    run_id: RunId,
) -> Result<Option<ClaimedRun>, Error> {
    let deps = service.deps();
    let term = deps.lease.term().ok_or(Error::NoLease)?;
    let mut tx = deps.db.begin().await?;
    if !store::lock_unstarted(&mut tx, org_id, run_id).await? {
        // Not left to the drop, which would keep the connection's transaction open for a while.
        tx.rollback().await?;
        return Ok(None);
    }
    let wanted = [(org_id.clone(), run_id)];
    let now = deps.clock.now();
    let mut taken = lease::store::take(&mut tx, term.worker, &wanted, now).await?;
    tx.commit().await?;
    Ok(taken.pop())
}

/// The pause before the first pass, from a random part of one.
fn first_pause(part: f64) -> Duration {
    FIRST_AFTER + SPREAD.mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pass_comes_soon_after_the_start_and_not_at_once() {
        assert_eq!(first_pause(0.0), Duration::from_mins(1));
        assert_eq!(first_pause(0.5), Duration::from_secs(210));
        assert!(first_pause(1.0) < PASS_EVERY);
    }
}
