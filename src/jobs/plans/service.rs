//! Making a plan and keeping it.

use std::time::Duration;

use sqlx::PgConnection;

use crate::agent;
use crate::agent::chat::service::search;
use crate::agent::intake::instructions;
use crate::agent::intake::prepare::{Prepared, prepare};
use crate::agent::model_call::CallContext;
use crate::agent::prompt::plan;
use crate::agent::steps::plan::ask;
use crate::auth::principal::Principal;
use crate::jobs::error::Error;
use crate::jobs::plans::request::PlanRequest;
use crate::jobs::plans::reservation::{Reservation, Reserved, reserve};
use crate::jobs::plans::store;
use crate::jobs::plans::view::PlanAnswer;
use crate::jobs::service::{Jobs, insert};
use crate::ledger::model::CallPhase;
use crate::platform::idempotency::model::{Created, IdempotencyKey, StoredAnswer};
use crate::platform::logging::TraceId;
use crate::runs::model::{Run, RunKind};

/// The longest wait for the call's entry in the ledger before the plan is answered.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Plans on their own; cheap to clone.
#[derive(Clone)]
pub struct Plans {
    jobs: Jobs,
}

impl Plans {
    /// Over the jobs that carry them out.
    pub fn new(jobs: Jobs) -> Self {
        Self { jobs }
    }

    /// The jobs that carry them out.
    pub(crate) fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Makes a plan and keeps it as a job that waits to be started, unless a request with this key has
    /// made one already or is making one. When none can be made, nothing is kept.
    pub async fn make(
        &self,
        principal: &Principal,
        trace_id: TraceId,
        request: PlanRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<Created<PlanAnswer>, Error> {
        if self.jobs.agent().stopping().is_cancelled() {
            return Err(agent::error::Error::ShuttingDown.into());
        }
        if let Some(answer) = self.jobs.answered_before(principal, key).await? {
            return Ok(Created::Before(answer));
        }
        let request = request.into_task_request();
        let (deps, kind) = (self.jobs.deps(), RunKind::Job);
        let prepared = prepare(deps, principal, trace_id, request, kind).await?;
        let Some(key) = key else {
            return self.plan(principal, prepared, None).await;
        };
        let reservation = match reserve(&self.jobs, &prepared.run, key).await? {
            Reserved::Now(reservation) => reservation,
            Reserved::Before(answer) => return Ok(Created::Before(answer)),
        };
        let planned = self.plan(principal, prepared, Some(&reservation)).await;
        match planned {
            Ok(_) => reservation.close(),
            Err(_) => reservation.release().await,
        }
        planned
    }

    /// Asks the model for a plan and keeps it, and the answer under a reserved key.
    async fn plan(
        &self,
        principal: &Principal,
        prepared: Prepared,
        reservation: Option<&Reservation>,
    ) -> Result<Created<PlanAnswer>, Error> {
        let Prepared {
            mut run,
            route,
            workspace,
            router_info,
        } = prepared;
        let words = instructions::shown(self.jobs.deps(), &workspace.words, &route);
        let workspace = workspace.workspace.as_ref();
        let found = search(
            self.jobs.deps(),
            principal,
            CallPhase::Plan,
            workspace,
            &plan::search_query(&run.task),
        )
        .await;
        let caller = CallContext {
            run_id: Some(run.id),
            trace_id: run.trace_id.clone(),
            session_id: run.task.conversation_id.map(|id| id.to_string()),
            ..CallContext::new(self.jobs.deps(), principal, &route, "plan")
        };
        let made = ask(&caller, &route, &words, &run.task, &found.chunks).await;
        let made = made.map_err(agent::error::Error::Model)?;
        if let Err(error) = self.jobs.deps().ledger.flush(LEDGER_TIMEOUT).await {
            // It is written later; the job's sum would miss it only if this process were lost first.
            tracing::warn!(run.id = %run.id, %error, "a call is not in the ledger yet");
        }
        let is_made = made.is_some();
        let plan = made.unwrap_or_else(|| plan::one_step(&run.task));
        let mut seen: Vec<_> = found.chunks.iter().map(|chunk| &chunk.path).collect();
        seen.sort();
        seen.dedup();
        let answer = PlanAnswer::new(&run, &plan, is_made, seen.len(), router_info);
        run.task.plan = Some(plan);
        let mut tx = self.jobs.deps().db.begin().await?;
        match keep(&mut tx, &run, &answer, reservation).await {
            Ok(None) => {
                tx.commit().await?;
                Ok(Created::Now(answer))
            }
            Ok(Some(before)) => {
                tx.rollback().await?;
                Ok(Created::Before(before))
            }
            Err(error) => {
                // Before the client hears of it: it may send the request again at once.
                tx.rollback().await?;
                Err(error)
            }
        }
    }
}

/// Writes the job of a plan, and the answer under a reserved key. Writes nothing and returns the
/// answer of another request if that has the key by now.
async fn keep(
    conn: &mut PgConnection,
    run: &Run,
    answer: &PlanAnswer,
    reservation: Option<&Reservation>,
) -> Result<Option<StoredAnswer>, Error> {
    if let Some(reservation) = reservation {
        let before = reservation.complete(conn, run, answer).await?;
        if before.is_some() {
            return Ok(before);
        }
    }
    insert(conn, run, false, Some(&store::metadata())).await?;
    Ok(None)
}
