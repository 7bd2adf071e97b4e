//! The SQL of what runs left in their workspaces.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::platform::ids::{OrgId, RunId};
use crate::runs::model::Run;

/// A note of changes that are due to be checked.
#[derive(Clone, Debug)]
pub struct Due {
    /// Whose.
    pub org_id: OrgId,
    /// The run that left it.
    pub run_id: RunId,
    /// Its answer.
    pub gen_id: i64,
    /// The folder.
    pub workspace: String,
    /// The files, as [`crate::agent::learning::changes::FileChange`]s.
    pub files: Value,
    /// When it was left.
    pub created_at: DateTime<Utc>,
}

/// The content hashes of the files that a run's tools changed, as they were before it and as far as they were
/// noted; none for a file that was not there.
pub async fn hashes_before(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<BTreeMap<String, Option<String>>> {
    let rows = sqlx::query!(
        r#"
        select distinct on (probe->'sign'->>'path')
               probe->'sign'->>'path' as "path!", probe->'sign'->>'before' as before
        from tool_calls
        where org_id = $1 and run_id = $2 and probe->'sign'->>'kind' = 'file'
        order by probe->'sign'->>'path', position
        "#,
        org_id.as_str(),
        run_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.path, row.before)).collect())
}

/// Leaves a note of what a run changed.
pub async fn leave(
    conn: &mut PgConnection,
    run: &Run,
    gen_id: i64,
    workspace: &str,
    files: &Value,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let insert = sqlx::query!(
        "insert into run_changes (org_id, run_id, user_id, gen_id, workspace, files, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        run.org_id.as_str(),
        run.id.0,
        run.user_id.as_str(),
        gen_id,
        workspace,
        files,
        at,
    );
    conn.queue(insert).await
}

/// The notes about a folder, oldest first.
pub async fn of_workspace(
    conn: &mut PgConnection,
    org_id: &OrgId,
    workspace: &str,
    limit: i64,
) -> sqlx::Result<Vec<Due>> {
    sqlx::query_as!(
        Due,
        r#"select org_id as "org_id: OrgId", run_id as "run_id: RunId", gen_id, workspace, files,
                  created_at
           from run_changes where org_id = $1 and workspace = $2
           order by created_at limit $3"#,
        org_id.as_str(),
        workspace,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The notes of all organisations that are older than `before`, a page of them behind `after`.
pub async fn due(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    after: (DateTime<Utc>, Uuid),
    limit: i64,
) -> sqlx::Result<Vec<Due>> {
    sqlx::query_as!(
        Due,
        r#"select org_id as "org_id: OrgId", run_id as "run_id: RunId", gen_id, workspace, files,
                  created_at
           from run_changes
           where created_at < $1 and (created_at, run_id) > ($2, $3)
           order by created_at, run_id limit $4"#,
        before,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Takes a note away. Answers whether it was still there.
pub async fn take(conn: &mut PgConnection, org_id: &OrgId, run_id: RunId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from run_changes where org_id = $1 and run_id = $2",
        org_id.as_str(),
        run_id.0,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
