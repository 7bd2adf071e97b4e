//! Goes on with a claimed run, or ends it when that cannot be done.

use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

use crate::agent::deps::Deps;
use crate::agent::error::Error;
use crate::agent::execution::build::Equipment;
use crate::agent::finish::abandoned::{Reason, conclude};
use crate::agent::intake::open_workspace::OpenWorkspace;
use crate::agent::intake::prepare::RUN;
use crate::agent::intake::routing::needs;
use crate::agent::queue::start::{RunAssignment, log_span, set_to_work};
use crate::agent::runner::primitives::Origin;
use crate::agent::runner::resumed::ResumeState;
use crate::agent::service::AgentService;
use crate::exec::supervision::sweep::sweep;
use crate::llm::route::Route;
use crate::platform::ids::{OrgId, RunId};
use crate::runs::event_data::{ResumeReason, router_info};
use crate::runs::lease;
use crate::runs::lease::keeper::Term;
use crate::runs::lease::model::ClaimedRun;
use crate::runs::model::{ChosenModel, Run, RunKind};
use crate::runs::outcome::Stopped;
use crate::runs::store::runs;

/// The most times a run may lose its worker before it is given up: maybe it is what ends them.
const MAX_TAKEOVERS: i32 = 10;

/// Goes on with a run, or ends it.
pub(crate) async fn resume(
    service: &AgentService,
    mut claimed: ClaimedRun,
    slot: OwnedSemaphorePermit,
    term: Term,
) {
    if claimed.was_orphan {
        // Ends the processes that its last worker started, should that have been on this machine.
        let left = sweep(&claimed.run.id.to_string()).await;
        tracing::warn!(run.id = %claimed.run.id, left, "a run is taken over from a lost worker");
    }
    if let Some(reason) = give_up(&claimed) {
        return end_claimed(service, &claimed, &reason).await;
    }
    let deps = service.deps();
    let (route, workspace) = match prepare_again(deps, &claimed.run).await {
        Ok(prepared) => prepared,
        Err(error) if error.is_passing() => {
            tracing::warn!(run.id = %claimed.run.id, ?error, "a run's workspace cannot be opened now");
            return release(deps, &claimed).await;
        }
        Err(error) => {
            let text = format!("the run cannot continue: {error}");
            return end_claimed(service, &claimed, &not_resumable(text)).await;
        }
    };
    let resumed = match ResumeState::read(deps, &claimed).await {
        Ok(resumed) => resumed,
        Err(Error::Database(
            error @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)),
        )) => {
            tracing::error!(run.id = %claimed.run.id, %error, "a run's past cannot be read");
            let text = "the run cannot continue: its history cannot be read by this version";
            return end_claimed(service, &claimed, &not_resumable(text)).await;
        }
        Err(error) => {
            tracing::warn!(run.id = %claimed.run.id, ?error, "a run's past cannot be read now");
            return release(deps, &claimed).await;
        }
    };
    note_model(&mut claimed.run.model, &route);
    let origin = origin(&claimed);
    let assignment = RunAssignment {
        claimed,
        equipment: Equipment {
            route,
            workspace,
            resumed,
        },
        origin,
        slot,
        term,
    };
    set_to_work(service, assignment);
}

/// The model and the workspace of a run from the queue: its request was checked when it came, and the
/// world may have changed since.
async fn prepare_again(deps: &Deps, run: &Run) -> Result<(Route, OpenWorkspace), Error> {
    let (owner, trace_id) = (run.principal(), run.trace_id.as_ref());
    let workspace = OpenWorkspace::of(deps, &owner, trace_id, &run.task).await?;
    let needs = needs(&run.task, workspace.workspace.is_some());
    // With the model it began with, as long as that can be had.
    let same = format!("{}/{}", run.model.provider, run.model.model);
    let same = deps.router.route(Some(&same), None, needs);
    match same {
        Ok(route) if route.provider_model == run.model.model => Ok((route, workspace)),
        Ok(_) | Err(_) => {
            let requested = run.model.requested.as_deref();
            let route = deps.router.choose(requested, None, needs).await?;
            Ok((route, workspace))
        }
    }
}

/// Notes the model that does the work. One that took another's place since the run was accepted was chosen
/// otherwise.
fn note_model(model: &mut ChosenModel, route: &Route) {
    let provider = route.provider_id.as_str();
    let is_same = model.provider == provider && model.model == route.provider_model;
    if !is_same || model.router_info.is_empty() {
        model.router_info = router_info(route, None, RUN);
    }
    provider.clone_into(&mut model.provider);
    model.model.clone_from(&route.provider_model);
}

/// Claims one waiting run for this process, whatever the shares: to end it. Returns nothing when
/// another process has just claimed it.
pub async fn claim_to_end(
    deps: &Deps,
    org_id: &OrgId,
    run_id: RunId,
) -> Result<Option<ClaimedRun>, Error> {
    let term = deps.lease.term().ok_or(Error::NoLease)?;
    let mut tx = deps.db.begin().await?;
    let wanted = [(org_id.clone(), run_id)];
    let now = deps.clock.now();
    let mut claimed = lease::store::take(&mut tx, term.worker, &wanted, now).await?;
    tx.commit().await?;
    Ok(claimed.pop())
}

/// Ends a claimed run without working on it.
pub async fn end_claimed(service: &AgentService, claimed: &ClaimedRun, reason: &Reason) {
    let (run, fence) = (&claimed.run, claimed.claim.fence);
    let ends = conclude(service.deps(), run, fence, reason, service.stopping());
    ends.instrument(log_span(run)).await;
    service.wake();
}

/// Puts a run back that could not be taken up.
pub(crate) async fn release(deps: &Deps, claimed: &ClaimedRun) {
    let (run, fence) = (&claimed.run, claimed.claim.fence);
    let released = async {
        let mut conn = deps.db.acquire().await?;
        let now = deps.clock.now();
        runs::release_run(&mut conn, &run.org_id, run.id, fence, now).await
    };
    if let Err(error) = released.await {
        tracing::warn!(run.id = %run.id, %error, "a run was not put back");
    }
}

/// The way a run came here. The log of a job that no process began holds that it was accepted, and nothing
/// else.
fn origin(claimed: &ClaimedRun) -> Origin {
    if claimed.run.kind == RunKind::Job && claimed.claim.last <= 1 {
        return Origin::Dequeued;
    }
    Origin::Resumed {
        reason: if claimed.was_orphan {
            ResumeReason::WorkerLost
        } else if was_paused(claimed) {
            ResumeReason::Requested
        } else {
            ResumeReason::Released
        },
        settled: claimed.settled,
    }
}

/// True if a run paused, so that it is here because its user wants it to go on.
fn was_paused(claimed: &ClaimedRun) -> bool {
    let state = claimed.state.as_ref();
    state.is_some_and(|state| state["is_paused"] == true)
}

/// Why a run is ended instead of taken up.
fn give_up(claimed: &ClaimedRun) -> Option<Reason> {
    if claimed.cancelled {
        return Some(Reason::cancelled());
    }
    if !claimed.is_readable {
        let text = "the run cannot continue: its request cannot be read by this version";
        return Some(not_resumable(text));
    }
    (claimed.takeovers > MAX_TAKEOVERS).then(|| {
        let text = format!(
            "the run lost its worker {} times and is given up; the server's log may say why",
            claimed.takeovers
        );
        Reason::failed(Stopped::InternalError, text, "RUN_GIVEN_UP")
    })
}

fn not_resumable(text: impl Into<String>) -> Reason {
    Reason::failed(Stopped::InternalError, text, "RUN_NOT_RESUMABLE")
}
