//! The SQL of resolving groups and marking their occurrences.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::platform::ids::{OrgId, UserId};
use crate::telemetry::errors::model::GroupId;

/// Resolves a group, unless it is resolved. Its occurrences have yet to be marked. Returns true if it changed.
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

/// Reopens a resolved group. Marked occurrences stay resolved; the others stay open. Returns true if it
/// changed.
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

/// A group with unmarked occurrences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmarkedGroup {
    /// Time of the resolution; none if it was reopened.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Notes about the resolution.
    pub notes: Option<String>,
}

/// Locks a group with unmarked occurrences until the transaction ends. None if all are marked, or another
/// transaction holds the lock.
pub async fn lock_unmarked(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: GroupId,
) -> sqlx::Result<Option<UnmarkedGroup>> {
    let row = sqlx::query!(
        "select resolved_at, resolution_notes from error_groups
         where org_id = $1 and group_id = $2 and unmarked
         for no key update skip locked",
        org_id as &OrgId,
        id as GroupId,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| UnmarkedGroup {
        resolved_at: row.resolved_at,
        notes: row.resolution_notes,
    }))
}

/// The result of marking a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkedEvents {
    /// Number of marked occurrences.
    pub events: i64,
    /// Oldest of them, the start of the next chunk.
    pub oldest: Option<DateTime<Utc>>,
}

/// Marks at most `limit` open occurrences of a group as resolved at a moment, newest first, starting at
/// `until`, the end of the previous chunk. Occurrences received after `at` are regressions and stay open.
pub async fn mark(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: GroupId,
    at: DateTime<Utc>,
    notes: Option<&str>,
    until: Option<DateTime<Utc>>,
    limit: i64,
) -> sqlx::Result<MarkedEvents> {
    sqlx::query_as!(
        MarkedEvents,
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

/// Records that all occurrences of a group are marked.
pub async fn set_marked(conn: &mut PgConnection, org_id: &OrgId, id: GroupId) -> sqlx::Result<()> {
    sqlx::query!(
        "update error_groups set unmarked = false where org_id = $1 and group_id = $2 and unmarked",
        org_id as &OrgId,
        id as GroupId,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Returns the groups of all organisations with unmarked occurrences, left by stopped servers, the oldest
/// resolution first.
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
