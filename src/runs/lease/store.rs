//! The SQL of workers and of taking runs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::platform::ids::{OrgId, RunId, UserId, WorkerId};
use crate::platform::logging::TraceId;
use crate::runs::lease::model::{ClaimedRun, Shares};
use crate::runs::lease::taken::TakenRow;
use crate::runs::model::{RunKind, RunStatus};

/// The advisory lock of a worker that counts and claims runs; the number is arbitrary and must never
/// change.
const TAKING: i64 = 0x6e61_7669_0002;

/// The space of the locks of organisations; arbitrary, and never to be changed.
const BEGINNING: i32 = 0x6e61_7607;

/// Makes this session the only one that begins runs of an organisation until its transaction ends, and keeps
/// out those that take runs from the queue: two that counted at the same time would both find the last place
/// free. Those of other organisations begin theirs meanwhile.
pub async fn begin_alone(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<()> {
    conn.queue(sqlx::query_scalar!(
        r#"select count(*) as "alone!" from (
             select set_config('idle_in_transaction_session_timeout', '5s', true),
                    pg_advisory_xact_lock_shared($1),
                    pg_advisory_xact_lock($2, hashtext($3))
           ) locked"#,
        TAKING,
        BEGINNING,
        org_id.as_str(),
    ))
    .await
}

/// Makes this session the only one that counts and takes runs until its transaction ends: two that
/// counted at the same time would both find the last place free. A process that is stopped meanwhile
/// keeps the others waiting for a few seconds and not for as long as transactions may be idle.
pub async fn take_alone(conn: &mut PgConnection) -> sqlx::Result<()> {
    conn.queue(sqlx::query_scalar!(
        r#"select count(*) as "alone!" from (
             select set_config('idle_in_transaction_session_timeout', '5s', true),
                    pg_advisory_xact_lock($1)
           ) locked"#,
        TAKING,
    ))
    .await
}

/// The same as [`take_alone`] where that needs no waiting; answers whether this session is the only one now.
pub async fn try_take_alone(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select alone as "alone!" from (
             select set_config('idle_in_transaction_session_timeout', '5s', true),
                    pg_try_advisory_xact_lock($1) as alone
           ) locked"#,
        TAKING,
    )
    .fetch_one(conn)
    .await
}

/// Writes a worker with a fresh lease, or renews the lease of one. A lease that has ended is not
/// renewed, since its runs may be another's by now. Answers whether the worker has one.
pub async fn renew(
    conn: &mut PgConnection,
    worker: WorkerId,
    host: &str,
    lasts: Duration,
) -> sqlx::Result<bool> {
    let seconds = lasts.as_secs_f64();
    let done = sqlx::query!(
        "insert into workers (worker_id, host, started_at, expires_at)
         values ($1, $2, clock_timestamp(), clock_timestamp() + make_interval(secs => $3))
         on conflict (worker_id) do update set expires_at = excluded.expires_at
         where workers.expires_at > clock_timestamp()",
        worker.0,
        host,
        seconds,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a worker's lease: its process ends or is gone, and what it holds is free. Answers whether there
/// was one.
pub async fn give_up(conn: &mut PgConnection, worker: WorkerId) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from workers where worker_id = $1", worker.0)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets workers whose lease ended an hour ago. Their runs name them still, which means the same.
pub async fn forget_the_lost(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("delete from workers where expires_at < clock_timestamp() - interval '1 hour'")
        .execute(conn)
        .await?;
    Ok(())
}

/// Counts the runs of an organisation that are under way, in all processes. Runs that wait for a person are
/// not: they cost nothing.
pub async fn under_way(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from runs r join workers w using (worker_id)
           where r.org_id = $1 and r.finished_at is null and r.status = 'running'
             and w.expires_at > clock_timestamp()"#,
        org_id.as_str(),
    )
    .fetch_one(conn)
    .await
}

/// True if there may be runs to take. It needs no lock: a run that is written later is announced.
pub async fn may_be_some(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"with recursive holder (worker_id) as (
             (select worker_id from runs where finished_at is null and worker_id is not null
              order by worker_id limit 1)
             union all
             select (select r.worker_id from runs r
                     where r.finished_at is null and r.worker_id > holder.worker_id
                     order by r.worker_id limit 1)
             from holder where holder.worker_id is not null
           )
           select exists (select 1 from runs where finished_at is null and worker_id is null)
               or exists (select 1 from holder
                          where worker_id is not null
                            and not exists (select 1 from workers w
                                            where w.worker_id = holder.worker_id
                                              and w.expires_at > clock_timestamp())) as "some!""#,
    )
    .fetch_one(conn)
    .await
}

/// Which runs to take, in the transaction of [`take_alone`]: waiting ones and orphans, at most
/// `limit` and never more than the shares allow. Organisations take turns, those with the fewest
/// runs under way first and among equals the one whose last turn is longest ago; within one, the
/// oldest comes first. Before all of them come those that their users want to end, whatever the
/// shares: ending one costs nothing.
///
/// However many wait, only the first of each organisation are read, as many as there is room for, and less where
/// the first of all fill the room: nothing behind the place of the last of these (`highest`) can be chosen. What
/// workers hold is counted, so all of it is read. Both walks go from one name to the next in an index.
pub async fn choose(
    conn: &mut PgConnection,
    limit: i64,
    shares: Shares,
) -> sqlx::Result<Vec<(OrgId, RunId)>> {
    let rows = sqlx::query!(
        r#"with recursive holder (worker_id) as (
             (select worker_id from runs where finished_at is null and worker_id is not null
              order by worker_id limit 1)
             union all
             select (select r.worker_id from runs r
                     where r.finished_at is null and r.worker_id > holder.worker_id
                     order by r.worker_id limit 1)
             from holder where holder.worker_id is not null
           ), taken as (
             select r.org_id, r.run_id, r.status, r.available_at,
                    r.cancel_requested_at is not null as cancelled,
                    coalesce(w.expires_at > clock_timestamp(), false) as held
             from holder cross join lateral (
               select * from runs r where r.finished_at is null and r.worker_id = holder.worker_id
             ) r left join workers w on w.worker_id = r.worker_id
             where r.available_at <= statement_timestamp() or r.cancel_requested_at is not null
           ), busy as (
             select org_id, count(*) as runs from taken
             where held and status = 'running' group by org_id
           ), room as (
             select greatest(0::bigint, least($1::bigint,
                      $3::bigint - (select coalesce(sum(runs), 0)::bigint from busy))) as runs
           ), org (org_id, cancelled, available_at) as (
             (select org_id, cancel_requested_at is not null, available_at from runs
              where finished_at is null and worker_id is null and (select runs from room) > 0
              order by org_id, (cancel_requested_at is null), available_at, run_id limit 1)
             union all
             select next.* from org cross join lateral (
               select r.org_id, r.cancel_requested_at is not null, r.available_at from runs r
               where r.finished_at is null and r.worker_id is null and r.org_id > org.org_id
               order by r.org_id, (r.cancel_requested_at is null), r.available_at, r.run_id limit 1
             ) next
           ), level as materialized (
             select (select coalesce(busy.runs, 0) + 1 from org left join busy using (org_id)
                     where org.cancelled
                        or org.available_at <= statement_timestamp() and coalesce(busy.runs, 0) < $2
                     order by 1 offset greatest((select runs from room) - 1, 0) limit 1) as highest
           ), turn as materialized (
             select org.org_id, case when org.cancelled then room.runs else 0 end as to_end,
                    greatest(0, least(room.runs, level.highest - coalesce(busy.runs, 0),
                                      $2 - coalesce(busy.runs, 0))) as to_work
             from room cross join level cross join org left join busy using (org_id)
           ), waiting as (
             select first.org_id, first.run_id, first.available_at, first.cancelled
             from turn cross join lateral (
               (select * from (
                  select r.org_id, r.run_id, r.available_at,
                         r.cancel_requested_at is not null as cancelled
                  from runs r
                  where r.finished_at is null and r.worker_id is null and r.org_id = turn.org_id
                  order by (r.cancel_requested_at is null), r.available_at, r.run_id
                  limit turn.to_end
                ) at_front where cancelled)
               union all
               (select r.org_id, r.run_id, r.available_at, false from runs r
                where r.finished_at is null and r.worker_id is null and r.org_id = turn.org_id
                  and (r.cancel_requested_at is null) = true
                  and r.available_at <= statement_timestamp()
                order by r.available_at, r.run_id
                limit turn.to_work)
             ) first
             union all
             select org_id, run_id, available_at, cancelled from taken where not held
           ), queue as (
             select org_id, run_id, available_at, cancelled, coalesce(busy.runs, 0) as busy,
                    row_number() over (partition by org_id
                                       order by cancelled desc, available_at, run_id) as place
             from waiting left join busy using (org_id)
           )
           select queue.org_id as "org_id!: OrgId", queue.run_id as "run_id!: RunId"
           from queue left join run_turns last using (org_id)
           where queue.cancelled or queue.busy + queue.place <= $2
           order by queue.cancelled desc, queue.busy + queue.place, last.taken_at nulls first, queue.available_at
           limit (select runs from room)"#,
        limit,
        shares.per_org,
        shares.total,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.org_id, row.run_id))
        .collect())
}

/// Takes a run that this transaction of [`try_take_alone`] has written, if none waits before it and the shares
/// leave it a place. Orphans are left to workers.
pub async fn take_written(
    conn: &mut PgConnection,
    worker: WorkerId,
    org_id: &OrgId,
    run_id: RunId,
    shares: Shares,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "with busy as (
           select r.org_id from runs r join workers w using (worker_id)
           where r.finished_at is null and r.status = 'running' and w.expires_at > clock_timestamp()
         )
         update runs set worker_id = $3, fence = fence + 1, status = 'running', started_at = $4, updated_at = $4
         where org_id = $1 and run_id = $2
           and not exists (select 1 from runs other
                           where other.finished_at is null and other.worker_id is null
                             and other.run_id <> $2
                             and (other.available_at is not null
                                  or other.cancel_requested_at is not null))
           and (select count(*) from busy) < $5
           and (select count(*) from busy where busy.org_id = $1) < $6",
        org_id.as_str(),
        run_id.0,
        worker.0,
        at,
        shares.total,
        shares.per_org,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes these runs, except those that a living worker holds or whose row is locked: the holder of
/// the lock is about to change them.
pub async fn take(
    conn: &mut PgConnection,
    worker: WorkerId,
    runs: &[(OrgId, RunId)],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<ClaimedRun>> {
    let orgs: Vec<String> = runs
        .iter()
        .map(|(org, _)| org.as_str().to_owned())
        .collect();
    let ids: Vec<uuid::Uuid> = runs.iter().map(|(_, run)| run.0).collect();
    let taken = sqlx::query_as!(
        TakenRow,
        r#"with before as (
             select r.org_id, r.run_id, r.worker_id
             from runs r join unnest($2::text[], $3::uuid[]) as wanted (org_id, run_id)
                  using (org_id, run_id)
             where r.finished_at is null
               and not exists (select 1 from workers w where w.worker_id = r.worker_id
                               and w.expires_at > clock_timestamp())
             for update of r skip locked
           )
           update runs r
           set worker_id = $1, fence = r.fence + 1, updated_at = $4,
               takeovers = r.takeovers + (before.worker_id is not null)::integer,
               status = case when r.status = 'queued' then 'running' else r.status end,
               started_at = coalesce(r.started_at, $4)
           from before
           where r.org_id = before.org_id and r.run_id = before.run_id
           returning r.org_id as "org_id: OrgId", r.user_id as "user_id: UserId",
                     r.run_id as "run_id: RunId", r.team_id, r.role, r.kind as "kind: RunKind",
                     r.request, r.task, r.requested_model, r.provider, r.model,
                     r.options->'router_info' as router_info,
                     r.trace_id as "trace_id: TraceId", r.created_at, r.last_sequence, r.fence, r.status as "status: RunStatus",
                     r.state, r.baseline, r.takeovers, r.settled_sequence,
                     r.cancel_requested_at is not null as "cancelled!",
                     before.worker_id is not null as "was_orphan!""#,
        worker.0,
        &orgs,
        &ids,
        at,
    )
    .fetch_all(&mut *conn)
    .await?;
    note_turns(conn, &orgs).await?;
    Ok(taken.into_iter().map(ClaimedRun::from).collect())
}

/// Notes that these organisations had their turn just now.
async fn note_turns(conn: &mut PgConnection, orgs: &[String]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into run_turns (org_id, taken_at)
         select org_id, clock_timestamp()
         from (select distinct org_id from unnest($1::text[]) as taken (org_id)) turns
         order by org_id
         on conflict (org_id) do update set taken_at = excluded.taken_at",
        orgs,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The runs that a worker holds, each with its fence.
pub async fn held(
    conn: &mut PgConnection,
    worker: WorkerId,
) -> sqlx::Result<Vec<(OrgId, RunId, i64)>> {
    let rows = sqlx::query!(
        r#"select org_id as "org_id: OrgId", run_id as "run_id: RunId", fence from runs
           where worker_id = $1 and finished_at is null"#,
        worker.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.org_id, row.run_id, row.fence))
        .collect())
}

/// The runs of a worker that their users want to end.
pub async fn cancelled(conn: &mut PgConnection, worker: WorkerId) -> sqlx::Result<Vec<RunId>> {
    sqlx::query_scalar!(
        r#"select run_id as "run_id: RunId" from runs
           where worker_id = $1 and finished_at is null and cancel_requested_at is not null"#,
        worker.0,
    )
    .fetch_all(conn)
    .await
}
