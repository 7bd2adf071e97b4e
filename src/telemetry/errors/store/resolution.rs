//! Dealing with a group, and marking its events.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::platform::ids::{OrgId, UserId};
use crate::telemetry::errors::model::GroupId;

/// Marks a group as dealt with, unless it is already. Its events are still to be marked.
pub async fn resolve(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: GroupId,
    by: &UserId,
    notes: Option<&str>,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "update error_groups
         set status = 'resolved', resolved_at = $4, resolved_by = $3, resolution_notes = $5,
             unmarked = true
         where org_id = $1 and group_id = $2 and status <> 'resolved'",
        org_id as &OrgId,
        id as GroupId,
        by as &UserId,
        at,
        notes,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// Opens a group again that was dealt with. Events that were marked stay so, because they were dealt
/// with; those that were not marked yet stay open.
pub async fn reopen(conn: &mut PgConnection, org_id: &OrgId, id: GroupId) -> sqlx::Result<bool> {
    sqlx::query!(
        "update error_groups
         set status = 'open', resolved_at = null, resolved_by = null, resolution_notes = null,
             unmarked = false
         where org_id = $1 and group_id = $2 and status = 'resolved'",
        org_id as &OrgId,
        id as GroupId,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// How a group was dealt with, while its events are still to be marked; its row is locked until the
/// transaction ends. Nothing when they are marked, or when somebody else is at it.
pub async fn lock_unmarked(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: GroupId,
) -> sqlx::Result<Option<(Option<DateTime<Utc>>, Option<String>)>> {
    let row = sqlx::query!(
        "select resolved_at, resolution_notes from error_groups
         where org_id = $1 and group_id = $2 and unmarked
         for no key update skip locked",
        org_id as &OrgId,
        id as GroupId,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.resolved_at, row.resolution_notes)))
}

/// What one step of marking did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// How many events it marked.
    pub events: i64,
    /// The oldest of them; the next step begins there.
    pub oldest: Option<DateTime<Utc>>,
}

/// Marks at most `limit` open events of a group as dealt with `at` that moment, the newest first, from
/// `until` on where a step before this one stopped. What was received after `at` is not marked: it
/// came back.
pub async fn mark(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: GroupId,
    at: DateTime<Utc>,
    notes: Option<&str>,
    until: Option<DateTime<Utc>>,
    limit: i64,
) -> sqlx::Result<Marked> {
    sqlx::query_as!(
        Marked,
        r#"with chunk as (
             select created_at, id from error_events
             where org_id = $1 and group_id = $2 and created_at <= coalesce($5::timestamptz, $3)
               and resolved = 0
             order by created_at desc limit $6
           ), marked as (
             update error_events e set resolved = 1, resolved_at = $3, resolution_notes = $4
             from chunk
             where e.org_id = $1 and e.created_at = chunk.created_at and e.id = chunk.id
             returning e.created_at
           )
           select count(*) as "events!", min(created_at) as oldest from marked"#,
        org_id as &OrgId,
        id.0,
        at,
        notes,
        until,
        limit,
    )
    .fetch_one(conn)
    .await
}

/// Notes that all events of a group are marked.
pub async fn all_marked(conn: &mut PgConnection, org_id: &OrgId, id: GroupId) -> sqlx::Result<()> {
    sqlx::query!(
        "update error_groups set unmarked = false where org_id = $1 and group_id = $2 and unmarked",
        org_id as &OrgId,
        id as GroupId,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Groups whose events are still to be marked, over all organisations, those that wait longest first:
/// what a server that was ended has left.
pub async fn unmarked(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<(OrgId, GroupId)>> {
    let rows = sqlx::query!(
        r#"select org_id as "org_id: OrgId", group_id as "id: GroupId" from error_groups
           where unmarked order by resolved_at limit $1"#,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.org_id, row.id)).collect())
}
