//! The advisory lock of an organisation's insights.

use sqlx::PgConnection;

use crate::platform::ids::OrgId;

/// Locks the insights of these organisations until the transaction ends. Required for changing several of
/// them: ending runs and passes of the analyzer change the same rows, and would deadlock on row locks.
pub async fn lock(conn: &mut PgConnection, orgs: &[OrgId]) -> sqlx::Result<()> {
    // The inner query is sorted before a lock is taken.
    let lock = sqlx::query!(
        r#"select pg_advisory_xact_lock(hashtextextended('insights of ' || org_id, 0)) as "locked!"
           from (select org_id from unnest($1::text[]) org_id order by org_id offset 0) sorted"#,
        orgs as &[OrgId],
    );
    conn.queue(lock).await
}
