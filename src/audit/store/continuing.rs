//! Appending to logs in one statement, where it is known how they end.

use sqlx::PgConnection;

use crate::audit::record::Record;
use crate::audit::store::appending::{End, EndColumns, insert_records};

/// The code of the error that undoes a statement which did not write all that it was to write: a division
/// by zero, because a statement cannot raise another by itself.
pub const NOT_ALL: &str = "22012";

/// Writes records behind ends, and moves these, as one statement that commits by itself. Answers which logs
/// that were. Of the others nothing is written: their ends are not, to the last bit, what they were
/// `before`, or one lies before a checkpoint, or there are two.
///
/// Ends are locked in the order of their names, as by [`lock_ends`]. Those that are seen to have changed
/// are not locked at all: a lock alone would have to reach the disk, too. What the database says it wrote is
/// counted, and all of it is undone if something is missing.
///
/// [`lock_ends`]: crate::audit::store::appending::lock_ends
pub async fn append(
    conn: &mut PgConnection,
    before: &[End],
    after: &[End],
    records: &[&Record],
) -> sqlx::Result<Vec<String>> {
    let (known, next) = (EndColumns::of(before), EndColumns::of(after));
    let moved = insert_records!(
        r#"with locked as materialized (
               select c.org_id
               from unnest($28::text[], $29::bigint[], $30::bytea[], $31::timestamptz[],
                           $32::bytea[], $33::text[])
                   as k (org_id, size, head, last_at, seal, seal_key_id)
               join audit_chains c using (org_id)
               where (c.size, c.head, c.last_at, c.seal, c.seal_key_id)
                         = (k.size, k.head, k.last_at, k.seal, k.seal_key_id)
                 and not exists (select from audit_checkpoints p
                                 where p.org_id = c.org_id and p.size > c.size and not p.is_base)
                 and (select count(*) from audit_chains d where d.org_id = c.org_id) = 1
               order by c.org_id for update of c
           ), moved as (
               update audit_chains c
               set size = n.size, head = n.head, last_at = n.last_at, seal = n.seal,
                   seal_key_id = n.seal_key_id
               from unnest($28::text[], $34::bigint[], $35::bytea[], $36::timestamptz[],
                           $37::bytea[], $38::text[])
                        as n (org_id, size, head, last_at, seal, seal_key_id)
               join locked using (org_id)
               where c.org_id = n.org_id
               returning c.org_id
           ), written as ("#,
        r#" where r.org_id in (select org_id from locked)
               returning org_id
           )
           select org_id as "org_id!",
                  1 / ((select count(*) from moved) = (select count(*) from locked)
                       and (select count(*) from written)
                           = (select count(*) from unnest($1::text[]) r (org_id)
                              join locked using (org_id)))::integer as "is_all!"
           from locked"#,
        records,
        &known.orgs,
        &known.sizes,
        &known.heads,
        &known.times,
        &known.seals,
        &known.keys,
        &next.sizes,
        &next.heads,
        &next.times,
        &next.seals,
        &next.keys,
    )
    // To the end: the commit is behind the last row.
    .fetch_all(conn)
    .await?;
    Ok(moved.into_iter().map(|row| row.org_id).collect())
}
