//! The SQL of bindings.
//!
//! Two queries look beyond the organisation, because a folder is everybody's on the disk: [`standing`]
//! answers in one word, and [`elsewhere`] with paths that are compared and never shown. The rest is for
//! an organisation, or for the operator.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::platform::ids::{OrgId, UserId};
use crate::workspaces::model::{Binding, BoundPath, RunAtWork, Standing};

/// The advisory lock of a transaction that binds or releases; the number is arbitrary and must never
/// change.
const BINDING: i64 = 0x6e61_7669_0016;

/// Makes this transaction the only one that binds or releases, until it ends. A unique key could not
/// see that one folder lies in another.
pub async fn take_alone(conn: &mut PgConnection) -> sqlx::Result<()> {
    let lock = sqlx::query!("select pg_advisory_xact_lock($1)", BINDING);
    conn.queue(lock).await
}

/// The ownership of a place, as this organisation may know it. Of another owner it learns that there is
/// one, and neither which nor where its folder begins.
pub async fn standing(
    conn: &mut PgConnection,
    org_id: &OrgId,
    place: &BoundPath,
) -> sqlx::Result<Standing> {
    let (from, to) = place.below();
    let found = sqlx::query!(
        r#"select coalesce(bool_or(org_id <> $1), false) as "theirs!",
                  coalesce(bool_or(org_id = $1 and path = any($2)), false) as "ours!"
           from workspace_bindings
           where path = any($2) or (path >= $3 and path < $4)"#,
        org_id.as_str(),
        &place.and_above(),
        from,
        to,
    )
    .fetch_one(conn)
    .await?;
    Ok(match (found.theirs, found.ours) {
        (true, _) => Standing::Theirs,
        (false, true) => Standing::Ours,
        (false, false) => Standing::Free,
    })
}

/// The folders of all other organisations.
pub async fn elsewhere(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select path from workspace_bindings where org_id <> $1",
        org_id.as_str(),
    )
    .fetch_all(conn)
    .await
}

/// Gives a free folder to an organisation, in place of those in it that the organisation has already:
/// no bound folder lies in another. Does not wait for the disk: what is done in the folder begins with a
/// commit that does, and nothing before that is missing there.
pub async fn bind(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    place: &BoundPath,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (from, to) = place.below();
    let insert = sqlx::query!(
        "with eased as materialized (
           select set_config('synchronous_commit', 'off', true)
         ), within as (
           delete from workspace_bindings where org_id = $1 and path >= $2 and path < $3
         )
         insert into workspace_bindings (org_id, path, user_id, bound_at)
         select $1, $4, $5, $6 from eased",
        org_id.as_str(),
        from,
        to,
        place.as_str(),
        user_id.as_str(),
        at,
    );
    conn.queue(insert).await
}

/// The bindings of an organisation, or of all, by path: what the operator asks.
pub async fn list(conn: &mut PgConnection, org_id: Option<&OrgId>) -> sqlx::Result<Vec<Binding>> {
    sqlx::query_as!(
        Binding,
        r#"select org_id as "org_id: OrgId", path, user_id as "user_id: UserId", bound_at
           from workspace_bindings where $1::text is null or org_id = $1 order by path"#,
        org_id.map(OrgId::as_str),
    )
    .fetch_all(conn)
    .await
}

/// The binding that a place lies in, of any organisation, for the operator.
pub async fn around(conn: &mut PgConnection, place: &BoundPath) -> sqlx::Result<Option<Binding>> {
    sqlx::query_as!(
        Binding,
        r#"select org_id as "org_id: OrgId", path, user_id as "user_id: UserId", bound_at
           from workspace_bindings where path = any($1)"#,
        &place.and_above(),
    )
    .fetch_optional(conn)
    .await
}

/// Takes a folder from its organisation. Answers false if it has it no more.
pub async fn release(conn: &mut PgConnection, binding: &Binding) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from workspace_bindings where org_id = $1 and path = $2",
        binding.org_id.as_str(),
        binding.path,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The runs of an organisation that are not over and have a workspace.
pub async fn at_work(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<Vec<RunAtWork>> {
    sqlx::query_as!(
        RunAtWork,
        r#"select run_id, workspace_path as "workspace!" from runs
           where org_id = $1 and finished_at is null and workspace_path is not null
           order by created_at, run_id"#,
        org_id.as_str(),
    )
    .fetch_all(conn)
    .await
}
