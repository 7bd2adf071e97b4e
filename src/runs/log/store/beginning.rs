//! The beginning of a run and of its log.

use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::platform::ids::{TeamId, WorkerId};
use crate::platform::json::{strip_nul, to_jsonb};
use crate::platform::logging::TraceId;
use crate::platform::redact::json::redact_json;
use crate::runs::log::store::events::{EventColumns, Storable};
use crate::runs::model::{Run, RunKind, RunStatus};

/// Writes a run with its request and the beginning of its log. `worker` takes it at once, under the fence 1; a
/// run without one waits, if `starts` for the next worker that is free, else to be started.
pub async fn insert_run(
    conn: &mut PgConnection,
    run: &Run,
    worker: Option<WorkerId>,
    starts: bool,
    metadata: Option<&Value>,
    events: &[(Storable, RunStatus)],
) -> sqlx::Result<()> {
    let task = strip_nul(&run.task.message);
    let requested_model = run.model.requested.as_deref().map(strip_nul);
    let options = json!({
        "run_verification": run.task.run_verification,
        "max_iterations": run.task.max_iterations,
        "reasoning_effort": run.task.effort,
        "verbosity": run.task.verbosity,
        "router_info": run.model.router_info,
    });
    let mut options = to_jsonb(&options);
    // It names the model as the client did.
    redact_json(&mut options);
    let status = match worker {
        Some(_) => RunStatus::Running,
        None => RunStatus::Queued,
    };
    let phase = events.iter().rev().find_map(|(event, _)| event.phase());
    let EventColumns {
        kinds,
        payloads,
        statuses,
    } = EventColumns::of(events);
    let insert = sqlx::query!(
        "with begun as (
           insert into runs (run_id, org_id, user_id, role, conversation_id, kind, status, task,
                             workspace_path, requested_model, provider, model, options, request,
                             metadata, worker_id, fence, created_at, updated_at, started_at,
                             available_at, trace_id, team_id, last_sequence,
                             phase)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                   case when $16::uuid is null then 0 else 1 end, $17::timestamptz, $17,
                   case when $16::uuid is null then null else $17 end,
                   case when $18 then now() end, $19, $20, cardinality($21::text[]),
                   $24)
         )
         insert into run_events (org_id, run_id, sequence, kind, payload, run_status, created_at)
         select $2, $1, entry.place, entry.kind, entry.payload, entry.status, $17
         from unnest($21::text[], $22::jsonb[], $23::text[])
              with ordinality as entry (kind, payload, status, place)",
        run.id.0,
        run.org_id.as_str(),
        run.user_id.as_str(),
        run.role.as_str(),
        run.task.conversation_id.map(|id| id.0),
        run.kind as RunKind,
        status as RunStatus,
        task.as_ref(),
        run.task.workspace_path.as_deref(),
        requested_model.as_deref(),
        run.model.provider,
        run.model.model,
        options,
        to_jsonb(&run.task),
        metadata,
        worker.map(|worker| worker.0),
        run.created_at,
        starts,
        run.trace_id.as_ref() as Option<&TraceId>,
        run.team_id.as_ref().map(TeamId::as_str),
        &kinds,
        &payloads,
        &statuses,
        phase,
    );
    conn.queue(insert).await
}
