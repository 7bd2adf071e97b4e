//! The SQL of a run's row. What is written with every step goes through the log instead; see
//! [`crate::runs::log::store::events`].

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::platform::ids::{OrgId, RunId, UserId};
use crate::platform::json::strip_nul;
use crate::platform::redact::text::redact_text;
use crate::runs::model::{EndOfLog, HeldLog, LockedRun, RunHead, RunKind, RunStatus};

/// Counts the runs of all organisations that wait for a worker.
pub async fn count_waiting(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from runs
           where finished_at is null and status = 'queued' and available_at <= clock_timestamp()"#,
    )
    .fetch_one(conn)
    .await
}

/// The last sequence numbers of the logs of these runs.
pub async fn heads(
    conn: &mut PgConnection,
    runs: &[(OrgId, RunId)],
) -> sqlx::Result<Vec<(RunId, i64)>> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let orgs: Vec<String> = runs
        .iter()
        .map(|(org, _)| org.as_str().to_owned())
        .collect();
    let ids: Vec<uuid::Uuid> = runs.iter().map(|(_, run)| run.0).collect();
    let rows = sqlx::query!(
        r#"select run_id as "run_id: RunId", last_sequence
           from runs join unnest($1::text[], $2::uuid[]) as wanted (org_id, run_id)
                using (org_id, run_id)"#,
        &orgs,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let heads = rows.into_iter().map(|row| (row.run_id, row.last_sequence));
    Ok(heads.collect())
}

/// The progress of a run, as it was written with its last step.
pub async fn state(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<Option<Value>> {
    let state = sqlx::query_scalar!(
        "select state from runs where org_id = $1 and run_id = $2",
        org_id.as_str(),
        run_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(state.flatten())
}

/// Locks the row of an unfinished run that is held under this fence, until the transaction ends; nothing when
/// the run is over or another's.
pub async fn lock_run(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    fence: i64,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "select last_sequence from runs
         where org_id = $1 and run_id = $2 and fence = $3 and finished_at is null for update",
        org_id.as_str(),
        run_id.0,
        fence,
    )
    .fetch_optional(conn)
    .await
}

/// The same where a later statement sees whether the run is held: it goes with the next one.
pub async fn lock_run_along(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    fence: i64,
) -> sqlx::Result<()> {
    conn.queue(sqlx::query_scalar!(
        "select last_sequence from runs
         where org_id = $1 and run_id = $2 and fence = $3 and finished_at is null for update",
        org_id.as_str(),
        run_id.0,
        fence,
    ))
    .await
}

/// The log of an unfinished run that is held under this fence; nothing when the run is over or another's.
pub async fn held_log(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    fence: i64,
) -> sqlx::Result<Option<HeldLog>> {
    sqlx::query_as!(
        HeldLog,
        r#"select last_sequence as last,
                  exists (select from tool_calls c
                          where c.org_id = r.org_id and c.run_id = r.run_id
                            and c.status <> 'finished') as "has_open_calls!"
           from runs r
           where org_id = $1 and run_id = $2 and fence = $3 and finished_at is null"#,
        org_id.as_str(),
        run_id.0,
        fence,
    )
    .fetch_optional(conn)
    .await
}

/// Puts a run back into the queue, at its old place: its process ends before it does.
pub async fn release_run(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    fence: i64,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update runs set status = 'queued', worker_id = null, updated_at = $4,
                         available_at = coalesce(available_at, now())
         where org_id = $1 and run_id = $2 and fence = $3 and finished_at is null",
        org_id.as_str(),
        run_id.0,
        fence,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets go of a run that pauses: no worker takes it before its user wants it to go on.
pub async fn pause_run(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    fence: i64,
    why: &str,
) -> sqlx::Result<()> {
    let why = strip_nul(why);
    let why = redact_text(&why);
    sqlx::query!(
        "update runs set worker_id = null, available_at = null, error = $4
         where org_id = $1 and run_id = $2 and fence = $3 and finished_at is null",
        org_id.as_str(),
        run_id.0,
        fence,
        why.as_ref(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The user's own run, its row locked until the transaction ends.
pub async fn lock_own(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: RunId,
) -> sqlx::Result<Option<LockedRun>> {
    sqlx::query_as!(
        LockedRun,
        r#"select r.status as "status: RunStatus",
                  exists (select 1 from workers w where w.worker_id = r.worker_id
                          and w.expires_at > clock_timestamp()) as "is_claimed!",
                  r.available_at is null as "is_held_back!"
           from runs r where org_id = $1 and user_id = $2 and run_id = $3 for update of r"#,
        org_id.as_str(),
        user_id.as_str(),
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// Lets a job that waits to be started, or that paused, be taken.
pub async fn make_available(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: RunId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update runs set available_at = clock_timestamp(), updated_at = $3, status = 'queued', error = null
         where org_id = $1 and run_id = $2 and available_at is null and finished_at is null",
        org_id.as_str(),
        id.0,
        at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Notes that its user wants a job to end.
pub async fn request_cancel(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: RunId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update runs set cancel_requested_at = coalesce(cancel_requested_at, $3)
         where org_id = $1 and run_id = $2 and finished_at is null",
        org_id.as_str(),
        id.0,
        at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The user's own run as its stream needs it to begin.
pub async fn head(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: RunId,
) -> sqlx::Result<Option<RunHead>> {
    sqlx::query_as!(
        RunHead,
        r#"select org_id as "org_id: OrgId", run_id as "run_id: RunId", kind as "kind: RunKind",
                  last_sequence
           from runs where org_id = $1 and user_id = $2 and run_id = $3"#,
        org_id.as_str(),
        user_id.as_str(),
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The status and the last event number of a run that is over; none before.
pub async fn end(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: RunId,
) -> sqlx::Result<Option<EndOfLog>> {
    sqlx::query_as!(
        EndOfLog,
        r#"select status as "status: RunStatus", last_sequence from runs
           where org_id = $1 and run_id = $2 and finished_at is not null"#,
        org_id.as_str(),
        id.0,
    )
    .fetch_optional(conn)
    .await
}
