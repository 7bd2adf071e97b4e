//! Starts interactive runs, and sets claimed runs to work in this process.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::agent::deps::Deps;
use crate::agent::error::Error;
use crate::agent::execution::build;
use crate::agent::execution::build::Equipment;
use crate::agent::execution::run_loop::execute;
use crate::agent::finish::abandoned::{Reason, conclude};
use crate::agent::finish::complete::Ended;
use crate::agent::intake::history;
use crate::agent::intake::prepare::prepare;
use crate::agent::intake::request::TaskRequest;
use crate::agent::runner::primitives::{Origin, RunEnds, RunSlot};
use crate::agent::runner::resumed::ResumeState;
use crate::agent::service::AgentService;
use crate::audit::recording::clearance::{Clearance, Cleared};
use crate::auth::principal::Principal;
use crate::platform::ids::RunId;
use crate::platform::logging::TraceId;
use crate::platform::traces::context::{TraceContext, TraceSpan};
use crate::platform::traces::gen_ai;
use crate::runs::event::Event;
use crate::runs::lease;
use crate::runs::lease::keeper::Term;
use crate::runs::lease::model::ClaimedRun;
use crate::runs::log::store::beginning;
use crate::runs::log::store::events::Storable;
use crate::runs::model::{Run, RunClaim, RunKind, RunStatus};

/// A run that has begun.
#[derive(Clone, Debug)]
pub struct Started {
    /// The run.
    pub run_id: RunId,
    /// Whose run.
    pub principal: Principal,
}

/// A run that is to be worked on here, and everything it needs.
pub(crate) struct RunAssignment {
    pub(crate) claimed: ClaimedRun,
    pub(crate) equipment: Equipment,
    pub(crate) origin: Origin,
    pub(crate) slot: OwnedSemaphorePermit,
    pub(crate) term: Term,
}

/// Checks a request, writes the run with its first event once the request is cleared, and sets it to work at once.
pub async fn start(
    service: &AgentService,
    principal: &Principal,
    trace_id: TraceId,
    request: TaskRequest,
    clearance: Clearance,
) -> Result<Started, Error> {
    if service.stopping().is_cancelled() {
        return Err(Error::ShuttingDown);
    }
    let deps = service.deps();
    let prepared = prepare(deps, principal, trace_id, request, RunKind::Autonomous).await?;
    let limit = deps.config.max_concurrent_runs;
    let slot = service.slots().clone().try_acquire_owned();
    let slot = slot.map_err(|_| Error::TooManyRuns { limit })?;
    let term = deps.lease.term().ok_or(Error::NoLease)?;
    let first = Event::RouterInfo {
        router_info: prepared.router_info,
    };
    let first = vec![first, Event::planning(prepared.run.id)];
    let cleared = clearance.given().await;
    let claim = insert_claimed(deps, &prepared.run, &term, first, &cleared).await?;
    let assignment = RunAssignment {
        claimed: ClaimedRun::now(prepared.run, claim),
        equipment: Equipment {
            route: prepared.route,
            workspace: prepared.workspace,
            resumed: ResumeState::default(),
        },
        origin: Origin::Started,
        slot,
        term,
    };
    Ok(set_to_work(service, assignment))
}

/// Writes a run that this process has claimed, with its first events.
async fn insert_claimed(
    deps: &Deps,
    run: &Run,
    term: &Term,
    first: Vec<Event>,
    _cleared: &Cleared,
) -> Result<RunClaim, Error> {
    let limit = deps.config.max_runs_per_org;
    let mut tx = deps.db.begin().await?;
    // Before the lock, which others of the organisation wait for.
    history::begin(&mut tx, run).await?;
    lease::store::begin_alone(&mut tx, &run.org_id).await?;
    if lease::store::under_way(&mut tx, &run.org_id).await? >= i64::from(limit) {
        // Said, and not left to the drop, or all others that claim would wait for it.
        tx.rollback().await?;
        return Err(Error::OrgIsBusy { limit });
    }
    let status = RunStatus::Running;
    let events = first
        .into_iter()
        .map(|event| (Storable::new(event), status));
    let events: Vec<_> = events.collect();
    let claim = RunClaim {
        last: i64::try_from(events.len()).unwrap_or_default(),
        fence: 1,
        status,
    };
    beginning::insert_run(&mut tx, run, Some(term.worker), true, None, &events).await?;
    tx.commit().await?;
    Ok(claim)
}

/// Works on a run in the background of this process.
pub(crate) fn set_to_work(service: &AgentService, assignment: RunAssignment) -> Started {
    let deps = service.deps();
    let RunAssignment {
        claimed,
        equipment,
        origin,
        slot,
        term,
    } = assignment;
    let (run, claim) = (claimed.run.clone(), claimed.claim);
    let cancel = CancellationToken::new();
    // Held as long as the run is worked on, so that a stream that comes later misses nothing.
    let watcher = deps.feed.watch(&run.org_id, run.id, claim.last);
    deps.active.begin(run.id, claim.fence, cancel.clone());
    deps.metrics.navi_runs_active.inc();
    let started = Started {
        run_id: run.id,
        principal: run.principal(),
    };
    let ends = RunEnds {
        cancel: cancel.clone(),
        stopping: service.stopping().clone(),
        lost: term.lost,
    };
    let slot = RunSlot {
        slots: service.slots().clone(),
        held: Some(slot),
    };
    let began = match origin {
        Origin::Started => "asked for here",
        Origin::Dequeued => "taken from the queue",
        Origin::Resumed { .. } => "goes on",
    };
    let runner = build::runner(
        deps,
        &claimed,
        equipment,
        origin,
        cancel.child_token(),
        slot,
    );
    let service = service.clone();
    let (span, logged) = (run_span(deps, &run), log_span(&run));
    logged.in_scope(|| log_beginning(&run, began));
    let work = async move {
        let work = AssertUnwindSafe(span.around(Box::pin(execute(runner, &ends))));
        let ended = work.catch_unwind().await.unwrap_or_else(|_| {
            // The panic's own message is in the log already.
            tracing::error!(run.id = %run.id, "a run panicked");
            Ended::Lost
        });
        drop(span);
        if ended == Ended::Lost {
            let reason = Reason::internal();
            conclude(service.deps(), &run, claim.fence, &reason, &ends.stopping).await;
        }
        leave(&service, run.id, claim.fence);
        drop(watcher);
    };
    deps.tasks.spawn(work.instrument(logged));
    started
}

/// The span of the work on a run in this process. It stands below the request that asked for the run,
/// also where another process took that.
fn run_span(deps: &Deps, run: &Run) -> TraceSpan {
    let here = TraceContext::current();
    let at = here.or(|| deps.traces.after(run.task.trace_parent));
    let span = gen_ai::invoke_agent(&at, &run.model.provider, &run.model.model);
    if span.is_there() {
        span.set("navi.run.id", run.id.to_string());
        if let Some(id) = &run.task.conversation_id {
            span.set("gen_ai.conversation.id", id.to_string());
        }
    }
    span
}

/// The fields of every log line that the work on a run leads to. Of the highest level, so that lines of any
/// level have them, whatever is logged.
pub(crate) fn log_span(run: &Run) -> tracing::Span {
    let trace = run.trace_id.as_ref().map(|trace| trace.0.as_str());
    let job = (run.kind == RunKind::Job).then(|| run.id.to_string());
    tracing::error_span!(
        "run",
        trace.id = trace,
        run.id = %run.id,
        job.id = job,
        org.id = run.org_id.as_str(),
        user.id = run.user_id.as_str(),
    )
}

/// Says that the work on a run begins here, and with which model.
fn log_beginning(run: &Run, how: &str) {
    let (provider, model) = (run.model.provider.as_str(), run.model.model.as_str());
    tracing::info!(how, provider, model, "a run begins");
}

/// Tidies up after a run.
fn leave(service: &AgentService, run_id: RunId, fence: i64) {
    let deps = service.deps();
    deps.active.end(run_id, fence);
    deps.metrics.navi_runs_active.dec();
    // Its slot is free.
    service.wake();
}
