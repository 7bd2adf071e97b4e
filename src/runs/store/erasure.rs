//! The SQL of ending a person's runs before they are erased. Without a person it is about all runs of an
//! organisation.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::platform::ids::{OrgId, UserId};

/// Asks the workers of these runs to end them, which they look for twice a second.
pub async fn request_cancel(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: Option<&UserId>,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update runs set cancel_requested_at = $3
         where org_id = $1 and ($2::text is null or user_id = $2)
           and finished_at is null and cancel_requested_at is null",
        org_id.as_str(),
        user_id.map(UserId::as_str),
        at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Ends the runs that no living process holds. Their fence grows, so that a process that only seems to be
/// gone writes nothing any more; their last event is not written, because it would have no reader.
pub async fn close_unheld(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: Option<&UserId>,
    at: DateTime<Utc>,
) -> sqlx::Result<u64> {
    sqlx::query!(
        "update runs r set status = 'canceled', phase = 'canceled', finished_at = $3,
                updated_at = $3, fence = r.fence + 1, worker_id = null, request = null,
                state = null, baseline = null, error = 'ended because its owner is erased'
         where r.org_id = $1 and ($2::text is null or r.user_id = $2) and r.finished_at is null
           and not exists (select from workers w where w.worker_id = r.worker_id
                           and w.expires_at > clock_timestamp())",
        org_id.as_str(),
        user_id.map(UserId::as_str),
        at,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected())
}

/// Counts those of these runs that are not over.
pub async fn unfinished(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: Option<&UserId>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from runs
           where org_id = $1 and ($2::text is null or user_id = $2) and finished_at is null"#,
        org_id.as_str(),
        user_id.map(UserId::as_str),
    )
    .fetch_one(conn)
    .await
}

/// Those of these ids that name a run of theirs.
pub async fn theirs(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: Option<&UserId>,
    runs: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "select run_id from runs
         where org_id = $1 and ($2::text is null or user_id = $2) and run_id = any($3)",
        org_id.as_str(),
        user_id.map(UserId::as_str),
        runs,
    )
    .fetch_all(conn)
    .await
}
