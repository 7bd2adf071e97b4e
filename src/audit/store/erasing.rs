//! Erasing what identifies people, and leaving the chain whole.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A record that is to be erased.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its number.
    pub sequence: i64,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// The records of a person's entries that are not erased yet, completions included: also those that came
/// after the beginning of their entry was erased, whose person is erased, too.
pub async fn records_of_person(
    conn: &mut PgConnection,
    org_id: &str,
    actor: &str,
) -> sqlx::Result<Vec<Place>> {
    sqlx::query_as!(
        Place,
        r#"select r.sequence as "sequence!", r.created_at as "created_at!" from audit_records b
           join audit_records r on r.org_id = b.org_id and r.entry_id = b.entry_id
           where b.org_id = $1 and b.actor = $2 and r.erased_by is null
           union
           select r.sequence, r.created_at from audit_records r
           join audit_records b on b.org_id = r.org_id and b.entry_id = r.entry_id
                and b.phase = 'begun' and b.erased_by is not null
           where r.org_id = $1 and r.phase = 'completed' and r.erased_by is null
             and r.resource is not null
           order by 1"#,
        org_id,
        actor,
    )
    .fetch_all(conn)
    .await
}

/// The records of a log that say who did something, or to what, or can still be opened. The records
/// that announce erasures do neither, and stay: without them an erasure could not be told from a deletion.
pub async fn records_of_everybody(
    conn: &mut PgConnection,
    org_id: &str,
) -> sqlx::Result<Vec<Place>> {
    sqlx::query_as!(
        Place,
        "select sequence, created_at from audit_records
         where org_id = $1 and erased_by is null and event <> 'audit.erased'
           and (actor is not null or resource is not null or entry_key is not null)
         order by sequence",
        org_id,
    )
    .fetch_all(conn)
    .await
}

/// Some records of a log, and the time in which they were written: it leads to their month.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Their numbers.
    pub sequences: Vec<i64>,
    /// Not before.
    pub since: DateTime<Utc>,
    /// Not after.
    pub until: DateTime<Utc>,
}

/// Those records of a batch that are not erased yet, in order.
pub async fn unerased(
    conn: &mut PgConnection,
    org_id: &str,
    batch: &Batch,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "select sequence from audit_records
         where org_id = $1 and sequence = any($2) and created_at between $3 and $4
           and erased_by is null
         order by sequence",
        org_id,
        &batch.sequences,
        batch.since,
        batch.until,
    )
    .fetch_all(conn)
    .await
}

/// Destroys who, what and the keys of these records, and notes which record says so.
pub async fn erase(
    conn: &mut PgConnection,
    org_id: &str,
    batch: &Batch,
    erased_by: i64,
) -> sqlx::Result<u64> {
    sqlx::query!(
        "update audit_records
         set actor = null, actor_role = null, resource = null, blind = null, entry_key = null,
             erased_by = $5
         where org_id = $1 and sequence = any($2) and created_at between $3 and $4
           and erased_by is null",
        org_id,
        &batch.sequences,
        batch.since,
        batch.until,
        erased_by,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected())
}
