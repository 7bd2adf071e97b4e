//! Erasing what identifies a person, and leaving the chain whole.

use sqlx::PgConnection;

/// The numbers of the records of a person's entries that are not erased yet, completions included.
pub async fn records_of_person(
    conn: &mut PgConnection,
    org_id: &str,
    actor: &str,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "select r.sequence from audit_records b
         join audit_records r on r.org_id = b.org_id and r.entry_id = b.entry_id
         where b.org_id = $1 and b.actor = $2 and r.erased_by is null
         order by r.sequence",
        org_id,
        actor,
    )
    .fetch_all(conn)
    .await
}

/// Destroys who, what and the keys of these records, and notes which record says so.
pub async fn erase(
    conn: &mut PgConnection,
    org_id: &str,
    sequences: &[i64],
    erased_by: i64,
) -> sqlx::Result<u64> {
    sqlx::query!(
        "update audit_records
         set actor = null, actor_role = null, resource = null, blind = null, entry_key = null,
             erased_by = $3
         where org_id = $1 and sequence = any($2) and erased_by is null",
        org_id,
        sequences,
        erased_by,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected())
}
