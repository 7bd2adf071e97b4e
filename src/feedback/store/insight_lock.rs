//! Taking turns at the insights of an organisation.

use sqlx::PgConnection;

use crate::platform::ids::OrgId;

/// Makes this transaction the only one that changes several insights of these organisations, until it
/// ends. Runs that end at once share most of the rows, and a pass of the analyzer changes many: whoever
/// took them one by one would meet the others half-way.
pub async fn alone(conn: &mut PgConnection, orgs: &[OrgId]) -> sqlx::Result<()> {
    // The inner query is sorted before a lock is taken.
    sqlx::query!(
        r#"select pg_advisory_xact_lock(hashtextextended('insights of ' || org_id, 0)) as "locked!"
           from (select org_id from unnest($1::text[]) org_id order by org_id offset 0) sorted"#,
        orgs as &[OrgId],
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}
