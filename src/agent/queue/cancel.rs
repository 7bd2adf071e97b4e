//! Ends a run that its user cancels, wherever it is worked on.

use std::sync::Arc;

use crate::agent::error::Error;
use crate::agent::finish::abandoned::Reason;
use crate::agent::queue::resume::{claim_to_end, end_claimed};
use crate::agent::service::AgentService;
use crate::auth::principal::Principal;
use crate::platform::ids::RunId;
use crate::runs::model::RunStatus;
use crate::runs::store::runs;
use crate::runs::stream::source::RunStreams;
use crate::runs::topics::CANCEL;

/// The outcome of cancelling a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It ends, or was cancelled before.
    Cancelled,
    /// The user has no such run.
    NotFound,
    /// It has ended otherwise.
    Over(RunStatus),
}

/// Ends a run of the principal. Doing it again is harmless.
pub async fn cancel(
    service: &AgentService,
    principal: &Principal,
    id: RunId,
) -> Result<CancelOutcome, Error> {
    let deps = service.deps();
    let mut tx = deps.db.begin().await?;
    let (org_id, user_id) = (&principal.org_id, &principal.user_id);
    let Some(locked) = runs::lock_own(&mut tx, org_id, user_id, id).await? else {
        tx.rollback().await?;
        return Ok(CancelOutcome::NotFound);
    };
    match locked.status {
        RunStatus::Canceled => {
            tx.rollback().await?;
            return Ok(CancelOutcome::Cancelled);
        }
        RunStatus::Completed | RunStatus::Failed => {
            tx.rollback().await?;
            return Ok(CancelOutcome::Over(locked.status));
        }
        RunStatus::Queued | RunStatus::Running | RunStatus::PausedForApproval => {}
    }
    runs::request_cancel(&mut tx, org_id, id, deps.clock.now()).await?;
    tx.commit().await?;
    if locked.is_claimed {
        if !deps.active.cancel(id) {
            deps.signals.tell(CANCEL, &id, 0);
        }
        return Ok(CancelOutcome::Cancelled);
    }
    // No worker has it, so no other process would end it soon.
    if let Some(claimed) = claim_to_end(deps, org_id, id).await? {
        end_claimed(service, &claimed, &Reason::cancelled()).await;
    }
    Ok(CancelOutcome::Cancelled)
}

/// The parts that the streams of runs are made from.
pub fn run_streams(service: &AgentService) -> RunStreams {
    let deps = service.deps();
    let agent = service.clone();
    RunStreams {
        db: deps.db.clone(),
        clock: deps.clock.clone(),
        metrics: deps.metrics.clone(),
        tasks: deps.tasks.clone(),
        active: deps.active.clone(),
        feed: deps.feed.clone(),
        stopping: service.stopping().clone(),
        cancel: Arc::new(move |principal, run_id| {
            Box::pin(cancel_abandoned(agent.clone(), principal, run_id))
        }),
    }
}

/// Ends a run whose client left.
async fn cancel_abandoned(service: AgentService, principal: Principal, run_id: RunId) {
    match cancel(&service, &principal, run_id).await {
        Ok(CancelOutcome::Cancelled) => {}
        Ok(CancelOutcome::NotFound | CancelOutcome::Over(_)) => {
            tracing::debug!(run.id = %run_id, "a run whose client left is over");
        }
        Err(error) => {
            tracing::debug!(run.id = %run_id, %error, "a run whose client left is not ended");
        }
    }
}
