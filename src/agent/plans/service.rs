//! Making a plan and keeping it.

use crate::agent;
use crate::agent::jobs::error::Error;
use crate::agent::jobs::service::insert;
use crate::agent::model::RunKind;
use crate::agent::model_call::Caller;
use crate::agent::planning::ask;
use crate::agent::plans::request::PlanRequest;
use crate::agent::plans::store;
use crate::agent::plans::view::PlanAnswer;
use crate::agent::preparing::Prepared;
use crate::agent::service::AgentService;
use crate::auth::principal::Principal;
use crate::ledger::model::Phase;
use crate::platform::idempotency::model::{Claim, Created, IdempotencyKey, OK};
use crate::platform::idempotency::store as keys;
use crate::platform::logging::TraceId;

/// How long the call may take to be in the ledger before the plan is answered.
const SETTLING: std::time::Duration = std::time::Duration::from_secs(1);

impl AgentService {
    /// Makes a plan and keeps it as a job that waits to be started, unless a request with this key has
    /// made one already. When none can be made, nothing is kept.
    pub async fn make_plan(
        &self,
        principal: &Principal,
        trace_id: TraceId,
        request: PlanRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<Created<PlanAnswer>, Error> {
        if self.stopping().is_cancelled() {
            return Err(agent::error::Error::ShuttingDown.into());
        }
        if let Some(answer) = self.answered_before(principal, key).await? {
            return Ok(Created::Before(answer));
        }
        let request = request.into_task_request();
        let prepared = self
            .prepare(principal, trace_id, request, RunKind::Job)
            .await?;
        let Prepared {
            mut run,
            route,
            grounds,
            router_info,
        } = prepared;
        let workspace = grounds.workspace.as_ref();
        let chunks = self
            .search(principal, Phase::Plan, workspace, &run.task.search_query())
            .await;
        let caller = Caller {
            run_id: Some(run.id.0),
            trace_id: run.trace_id.clone(),
            session_id: run.task.conversation_id.map(|id| id.to_string()),
            ..Caller::new(self.services(), principal, &route, "plan")
        };
        let made = ask(&caller, &route.provider_model, &run.task, &chunks).await;
        let made = made.map_err(agent::error::Error::Model)?;
        if let Err(error) = self.services().ledger.flush(SETTLING).await {
            // It is written later; the job's sum would miss it only if this process were lost first.
            tracing::warn!(run.id = %run.id, %error, "a call is not in the ledger yet");
        }
        let is_made = made.is_some();
        let plan = made.unwrap_or_else(|| run.task.as_one_step());
        let mut seen: Vec<_> = chunks.iter().map(|chunk| &chunk.path).collect();
        seen.sort();
        seen.dedup();
        let answer = PlanAnswer::new(&run, &plan, is_made, seen.len(), router_info);
        run.task.plan = Some(plan);
        let (org_id, user_id, at) = (&run.org_id, &run.user_id, run.created_at);
        let mut tx = self.services().db.begin().await?;
        if let Claim::Stored(answer) = keys::claim(&mut tx, org_id, user_id, key).await? {
            tx.rollback().await?;
            return Ok(Created::Before(answer));
        }
        insert(&mut tx, &run, false, Some(&store::metadata())).await?;
        keys::keep(&mut tx, org_id, user_id, key, OK, &answer, at).await?;
        tx.commit().await?;
        Ok(Created::Now(answer))
    }
}
