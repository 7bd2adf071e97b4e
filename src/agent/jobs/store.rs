//! The SQL of jobs.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::agent::jobs::cursor::{BEGINNING, Cursor};
use crate::agent::jobs::model::{Job, JobHead};
use crate::agent::model::{ConversationId, RunId, RunKind, RunStatus};
use crate::platform::ids::{OrgId, UserId};

/// The user's own job.
pub async fn find(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: RunId,
) -> sqlx::Result<Option<Job>> {
    sqlx::query_as!(
        Job,
        r#"select run_id as "id: RunId", kind as "kind: RunKind", status as "status: RunStatus",
                  phase, task, workspace_path,
                  conversation_id as "conversation_id: ConversationId", provider, model, metadata,
                  last_sequence, error, summary, takeovers,
                  cancel_requested_at is not null as "cancel_requested!",
                  (finished_at is null and available_at is null) as "is_held_back!",
                  created_at, updated_at, started_at, finished_at
           from runs where org_id = $1 and user_id = $2 and run_id = $3"#,
        org_id.as_str(),
        user_id.as_str(),
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The user's own job, its row locked until the transaction ends. Returns its status, whether a worker
/// has it, and whether it waits to be started.
pub async fn lock(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: RunId,
) -> sqlx::Result<Option<(RunStatus, bool, bool)>> {
    let row = sqlx::query!(
        r#"select r.status as "status: RunStatus",
                  exists (select 1 from workers w where w.worker_id = r.worker_id
                          and w.expires_at > clock_timestamp()) as "is_held!",
                  r.available_at is null as "is_held_back!"
           from runs r where org_id = $1 and user_id = $2 and run_id = $3 for update of r"#,
        org_id.as_str(),
        user_id.as_str(),
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.status, row.is_held, row.is_held_back)))
}

/// Lets a job that waits to be started be taken.
pub async fn make_available(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: RunId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update runs set available_at = clock_timestamp(), updated_at = $3
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

/// The user's jobs before a place, newest first, with the beginnings of their tasks, which are up to half
/// a megabyte each; those with one status when it is named. Two
/// statements rather than one that knows both, so that each has the index that is made for it.
pub async fn list(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    status: Option<RunStatus>,
    before: Option<Cursor>,
    limit: i64,
) -> sqlx::Result<Vec<Job>> {
    let before = before.unwrap_or(BEGINNING);
    match status {
        None => {
            sqlx::query_as!(
                Job,
                r#"select run_id as "id: RunId", kind as "kind: RunKind",
                          status as "status: RunStatus", phase,
                          left(task, 2000) as "task!", workspace_path,
                          conversation_id as "conversation_id: ConversationId", provider, model,
                          metadata, last_sequence, error, summary, takeovers,
                          cancel_requested_at is not null as "cancel_requested!",
                          (finished_at is null and available_at is null) as "is_held_back!",
                          created_at, updated_at, started_at, finished_at
                   from runs
                   where org_id = $1 and user_id = $2 and (created_at, run_id) < ($3, $4)
                   order by created_at desc, run_id desc limit $5"#,
                org_id.as_str(),
                user_id.as_str(),
                before.at,
                before.id.0,
                limit,
            )
            .fetch_all(conn)
            .await
        }
        Some(status) => {
            sqlx::query_as!(
                Job,
                r#"select run_id as "id: RunId", kind as "kind: RunKind",
                          status as "status: RunStatus", phase,
                          left(task, 2000) as "task!", workspace_path,
                          conversation_id as "conversation_id: ConversationId", provider, model,
                          metadata, last_sequence, error, summary, takeovers,
                          cancel_requested_at is not null as "cancel_requested!",
                          (finished_at is null and available_at is null) as "is_held_back!",
                          created_at, updated_at, started_at, finished_at
                   from runs
                   where org_id = $1 and user_id = $2 and status = $6
                     and (created_at, run_id) < ($3, $4)
                   order by created_at desc, run_id desc limit $5"#,
                org_id.as_str(),
                user_id.as_str(),
                before.at,
                before.id.0,
                limit,
                status as RunStatus,
            )
            .fetch_all(conn)
            .await
        }
    }
}

/// The user's own run as its stream needs it to begin.
pub async fn head(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: RunId,
) -> sqlx::Result<Option<JobHead>> {
    sqlx::query_as!(
        JobHead,
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
) -> sqlx::Result<Option<(RunStatus, i64)>> {
    let row = sqlx::query!(
        r#"select status as "status: RunStatus", last_sequence from runs
           where org_id = $1 and run_id = $2 and finished_at is not null"#,
        org_id.as_str(),
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.status, row.last_sequence)))
}
