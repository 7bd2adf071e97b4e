//! The SQL of a step: its events, its messages and what became of its tool calls, in one statement.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::platform::ids::{OrgId, RunId};
use crate::platform::json::{strip_nul, to_jsonb};
use crate::runs::log::folded::{CallChange, PlannedCall, RunStep};
use crate::runs::log::store::events::{Append, Appended, EventColumns, why_not};
use crate::runs::model::RunStatus;

/// The calls of a step that were not there before, column by column.
#[derive(Default)]
struct PlannedColumns {
    positions: Vec<i32>,
    call_ids: Vec<String>,
    names: Vec<String>,
    arguments: Vec<Value>,
}

impl PlannedColumns {
    fn of(planned: &[PlannedCall<'_>]) -> Self {
        let mut columns = Self::default();
        for PlannedCall { position, call, .. } in planned {
            columns.positions.push(*position);
            columns.call_ids.push(strip_nul(&call.id).into_owned());
            columns.names.push(strip_nul(&call.name).into_owned());
            columns.arguments.push(to_jsonb(&call.arguments));
        }
        columns
    }
}

/// The progress of calls, column by column.
#[derive(Default)]
struct ChangeColumns {
    ids: Vec<Uuid>,
    statuses: Vec<String>,
    probes: Vec<Option<Value>>,
    results: Vec<Option<Value>>,
    /// In microseconds.
    took: Vec<Option<i64>>,
}

impl ChangeColumns {
    fn of<'a>(changes: impl Iterator<Item = &'a CallChange<'a>>) -> Self {
        let mut columns = Self::default();
        for change in changes {
            columns.ids.push(change.id.0);
            columns.statuses.push(change.status.as_str().to_owned());
            columns.probes.push(change.probe.map(to_jsonb));
            columns.results.push(change.result.map(to_jsonb));
            let took = change
                .took
                .map(|took| i64::try_from(took.as_micros()).unwrap_or(i64::MAX));
            columns.took.push(took);
        }
        columns
    }
}

/// Appends to the log of an unfinished run like [`crate::runs::log::store::events::append`], and writes the step that
/// the events are about. Nothing of it is written when nothing is appended, so that it can be tried again.
///
/// The parts of a statement do not see each other's rows: a call that is planned and begins in one batch is
/// inserted as begun. One that only reads has no beginning of its own: its work ended just before this, and
/// began as long before that as it took.
pub(in crate::runs::log) async fn append(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    append: &Append<'_>,
    step: &RunStep<'_>,
    at: DateTime<Utc>,
) -> sqlx::Result<Appended> {
    let events = EventColumns::of(append.events);
    let (places, contents): (Vec<i32>, Vec<Value>) = step
        .messages
        .iter()
        .map(|(place, message)| (*place, to_jsonb(message)))
        .unzip();
    let planned = PlannedColumns::of(&step.planned);
    let begun = ChangeColumns::of(step.planned.iter().map(|planned| &planned.change));
    let changed = ChangeColumns::of(step.changed.iter());
    let moved = sqlx::query_scalar!(
        r#"with moved as (
             update runs
             set last_sequence = $3 + cardinality($5::text[]), updated_at = $8, status = $9,
                 phase = coalesce($10, phase),
                 settled_sequence = coalesce($11, settled_sequence),
                 state = coalesce($12, state), baseline = coalesce($13, baseline)
             where org_id = $1 and run_id = $2 and last_sequence = $3 and fence = $4
               and finished_at is null
             returning run_id
           ), written as (
             insert into run_events (org_id, run_id, sequence, kind, payload, run_status, created_at)
             select $1, run_id, $3 + entry.place, entry.kind, entry.payload, entry.status, $8
             from moved, unnest($5::text[], $6::jsonb[], $7::text[])
                  with ordinality as entry (kind, payload, status, place)
           ), said as (
             insert into run_messages (org_id, run_id, position, content, created_at)
             select $1, run_id, message.place, message.content, $8
             from moved, unnest($14::integer[], $15::jsonb[]) as message (place, content)
             on conflict do nothing
           ), planned as (
             insert into tool_calls (org_id, run_id, tool_call_id, position, provider_call_id, name,
                                     arguments, status, probe, result, created_at, started_at,
                                     finished_at)
             select $1, run_id, call.id, call.place, call.call_id, call.name, call.arguments,
                    call.status, call.probe, call.result, $8,
                    case when call.probe is not null then $8
                         else $8 - call.took * interval '1 microsecond' end,
                    case when call.status = 'finished' then $8 end
             from moved, unnest($16::uuid[], $17::integer[], $18::text[], $19::text[], $20::jsonb[],
                                $21::text[], $22::jsonb[], $23::jsonb[], $24::bigint[])
                  as call (id, place, call_id, name, arguments, status, probe, result, took)
             on conflict do nothing
           ), changed as (
             update tool_calls call
             set status = change.status, probe = coalesce(change.probe, call.probe),
                 result = change.result,
                 started_at = case
                   when change.probe is not null then $8
                   else coalesce(call.started_at, $8 - change.took * interval '1 microsecond')
                 end,
                 finished_at = case when change.status = 'finished' then $8 end
             from moved, unnest($25::uuid[], $26::text[], $27::jsonb[], $28::jsonb[], $29::bigint[])
                  as change (id, status, probe, result, took)
             where call.org_id = $1 and call.run_id = moved.run_id and call.tool_call_id = change.id
               and call.status <> 'finished'
               and (change.status <> 'approved' or call.status = 'planned')
           )
           select exists (select 1 from moved) as "moved!""#,
        org_id.as_str(),
        run_id.0,
        append.last,
        append.fence,
        &events.kinds,
        &events.payloads,
        &events.statuses,
        at,
        append.status as RunStatus,
        append.phase,
        append.settled,
        append.state,
        append.baseline,
        &places,
        &contents,
        &begun.ids,
        &planned.positions,
        &planned.call_ids,
        &planned.names,
        &planned.arguments,
        &begun.statuses,
        &begun.probes as &[Option<Value>],
        &begun.results as &[Option<Value>],
        &begun.took as &[Option<i64>],
        &changed.ids,
        &changed.statuses,
        &changed.probes as &[Option<Value>],
        &changed.results as &[Option<Value>],
        &changed.took as &[Option<i64>],
    )
    .fetch_one(&mut *conn)
    .await?;
    if moved {
        return Ok(Appended::Done);
    }
    why_not(conn, org_id, run_id, append.fence).await
}
