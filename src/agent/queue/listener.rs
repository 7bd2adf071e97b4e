//! Listens to notifications from other processes, and polls for those that were lost.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::agent::deps::Deps;
use crate::agent::error::Error;
use crate::agent::service::AgentService;
use crate::approvals::topic::ANSWERS;
use crate::platform::ids::RunId;
use crate::platform::signals::Signal;
use crate::runs::lease;
use crate::runs::store::runs;
use crate::runs::topics::{CANCEL, EVENTS, FOLLOWED, WAITING};

/// The interval of polling, whatever was notified.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// The interval at which this process looks for runs that it holds and does not work on; one that is
/// found twice is put back.
const STRAYS_EVERY: Duration = Duration::from_secs(5);

/// A run under the fence with which this process holds it.
type HeldRun = (RunId, i64);

/// Listens until the future is dropped.
pub(crate) async fn listen(service: &AgentService) {
    let deps = service.deps();
    let mut signals = deps.signals.subscribe();
    let mut polling = interval_at(Instant::now() + POLL_EVERY, POLL_EVERY);
    polling.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut straying = interval_at(Instant::now() + STRAYS_EVERY, STRAYS_EVERY);
    straying.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut strays = HashSet::new();
    loop {
        tokio::select! {
            heard = signals.recv() => match heard {
                Ok(Signal::Changed { topic, subject, number }) => {
                    heard_of(service, &topic, &subject, number);
                }
                Ok(Signal::Missed) | Err(RecvError::Lagged(_)) => poll(deps).await,
                Err(RecvError::Closed) => return,
            },
            _ = polling.tick() => poll(deps).await,
            _ = straying.tick() => match release_strays(service, &strays).await {
                Ok(found) => strays = found,
                Err(error) => tracing::debug!(%error, "strays cannot be looked for"),
            },
        }
    }
}

fn heard_of(service: &AgentService, topic: &str, subject: &str, number: i64) {
    let deps = service.deps();
    match (topic, subject.parse()) {
        (EVENTS, Ok(run_id)) => deps.feed.heard(run_id, number),
        (FOLLOWED, Ok(run_id)) => deps.feed.heard_follower(run_id),
        (CANCEL, Ok(run_id)) => {
            deps.active.cancel(run_id);
        }
        (WAITING, _) => service.wake(),
        (ANSWERS, _) => {
            deps.questions.wake();
            deps.consents.wake();
        }
        _ => {}
    }
}

async fn poll(deps: &Deps) {
    if let Err(error) = try_to_poll(deps).await {
        tracing::debug!(%error, "other processes cannot be polled");
    }
}

/// Polls what this process follows and works on: two small queries, however many streams and runs
/// there are. Waiting runs and answers are polled by those that wait for them.
async fn try_to_poll(deps: &Deps) -> Result<(), Error> {
    let elsewhere = deps.feed.elsewhere();
    let term = deps.lease.term();
    let works = deps.active.count() > 0;
    if elsewhere.is_empty() && !works {
        return Ok(());
    }
    let mut conn = deps.db.acquire().await?;
    for (run_id, last) in runs::heads(&mut conn, &elsewhere).await? {
        deps.feed.heard(run_id, last);
    }
    if let Some(term) = term.filter(|_| works) {
        for run_id in lease::store::cancelled(&mut conn, term.worker).await? {
            deps.active.cancel(run_id);
        }
    }
    Ok(())
}

/// Puts back the runs that this process holds without working on them, if they were `known` for
/// that before. There are some when the answer to a commit was lost, or when a request was given
/// up by its client between the commit and the work; no other process would ever take them, because
/// this one lives. Returns those that are new.
async fn release_strays(
    service: &AgentService,
    known: &HashSet<HeldRun>,
) -> Result<HashSet<HeldRun>, Error> {
    let deps = service.deps();
    let Some(term) = deps.lease.term() else {
        return Ok(HashSet::new());
    };
    let mut conn = deps.db.acquire().await?;
    let held = lease::store::held(&mut conn, term.worker).await?;
    let mut strays = HashSet::new();
    for (org_id, run_id, fence) in held {
        if deps.active.works_on(run_id, fence) {
            continue;
        }
        if !known.contains(&(run_id, fence)) {
            strays.insert((run_id, fence));
            continue;
        }
        tracing::warn!(run.id = %run_id, "a run was held and not worked on; it is put back");
        let now = deps.clock.now();
        runs::release_run(&mut conn, &org_id, run_id, fence, now).await?;
        service.wake();
    }
    Ok(strays)
}
