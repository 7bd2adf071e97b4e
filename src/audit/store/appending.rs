//! Appending records to logs, many at once.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::audit::record::Record;
use crate::audit::store::mark::mark;

/// Where a log ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Whose log.
    pub org_id: String,
    /// The last record's number.
    pub size: i64,
    /// And its hash.
    pub head: Vec<u8>,
    /// When it was written.
    pub last_at: DateTime<Utc>,
    /// The seal over all of it.
    pub seal: Vec<u8>,
    /// The name of the seal: of its key, and what it covers.
    pub seal_key_id: String,
}

/// Begins the logs that do not exist yet.
pub async fn begin_logs(conn: &mut PgConnection, ends: &[End]) -> sqlx::Result<()> {
    let columns = EndColumns::of(ends);
    sqlx::query!(
        "insert into audit_chains (org_id, size, head, last_at, seal, seal_key_id)
         select * from unnest($1::text[], $2::bigint[], $3::bytea[], $4::timestamptz[],
                              $5::bytea[], $6::text[])
         on conflict (org_id) do nothing",
        &columns.orgs,
        &columns.sizes,
        &columns.heads,
        &columns.times,
        &columns.seals,
        &columns.keys,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// An end that is locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedEnd {
    /// The end.
    pub end: End,
    /// The number of records of the last checkpoint beside it.
    pub signed: i64,
}

/// Those of these logs that have no end, and have or had records: their end was taken away. The server's own
/// log shows that a log that is gone altogether began, and the checkpoints of other logs show it of the
/// server's own.
pub async fn headless(conn: &mut PgConnection, orgs: &[String]) -> sqlx::Result<Vec<String>> {
    // One statement sees one moment: a log that another server begins meanwhile has an end.
    let marks: Vec<String> = orgs.iter().map(|org| mark(org)).collect();
    sqlx::query_scalar!(
        r#"select o.org_id as "org_id!" from unnest($1::text[], $2::text[]) as o (org_id, mark)
           where not exists (select from audit_chains c where c.org_id = o.org_id)
             and (exists (select from audit_records r where r.org_id = o.org_id)
               or exists (select from audit_checkpoints k where k.org_id = o.org_id)
               or exists (select from audit_tiles t where t.org_id = o.org_id)
               or exists (select from audit_records s
                          where s.org_id = '' and s.trace_id = o.mark and s.phase <> 'completed')
               or o.org_id = '' and exists (select from audit_checkpoints k
                                            where strpos(k.note, chr(10) || 'server ') > 0))
           order by o.org_id"#,
        orgs,
        &marks,
    )
    .fetch_all(conn)
    .await
}

/// The ends of these logs, locked until the end of the transaction, always in the same order so that
/// no two servers wait for each other.
pub async fn lock_ends(conn: &mut PgConnection, orgs: &[String]) -> sqlx::Result<Vec<LockedEnd>> {
    // Times that no calendar has are brought into one: then the seal does not fit.
    let rows = sqlx::query!(
        r#"select c.org_id, c.size, c.head,
                  least(greatest(c.last_at, '1900-01-01Z'), '9999-12-31Z') as "last_at!",
                  c.seal, c.seal_key_id,
                  coalesce((select max(k.size) from audit_checkpoints k
                            where k.org_id = c.org_id and not k.is_base), 0) as "signed!"
           from audit_chains c where c.org_id = any($1) order by c.org_id for update of c"#,
        orgs,
    )
    .fetch_all(conn)
    .await?;
    let locked = rows.into_iter().map(|row| LockedEnd {
        end: End {
            org_id: row.org_id,
            size: row.size,
            head: row.head,
            last_at: row.last_at,
            seal: row.seal,
            seal_key_id: row.seal_key_id,
        },
        signed: row.signed,
    });
    Ok(locked.collect())
}

/// The end of a log.
pub async fn end(conn: &mut PgConnection, org_id: &str) -> sqlx::Result<Option<End>> {
    sqlx::query_as!(
        End,
        r#"select org_id, size, head,
                  least(greatest(last_at, '1900-01-01Z'), '9999-12-31Z') as "last_at!",
                  seal, seal_key_id
           from audit_chains where org_id = $1"#,
        org_id,
    )
    .fetch_optional(conn)
    .await
}

/// The names of all logs of which anything is there: an end, records, checkpoints or hashes.
pub async fn logs(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    // Records are many and their logs few: each step goes to the next name in the primary key.
    sqlx::query_scalar!(
        r#"with recursive names (org_id) as (
             (select r.org_id from audit_records r order by r.org_id limit 1)
             union all
             select (select r.org_id from audit_records r where r.org_id > n.org_id
                     order by r.org_id limit 1)
             from names n where n.org_id is not null
           )
           select org_id as "org_id!" from names where org_id is not null
           union select org_id from audit_chains
           union select org_id from audit_checkpoints
           union select org_id from audit_tiles
           order by 1"#,
    )
    .fetch_all(conn)
    .await
}

/// For each seal, the ends that were moved last: at most so many.
pub async fn newest_ends(conn: &mut PgConnection, of_each: i64) -> sqlx::Result<Vec<End>> {
    sqlx::query_as!(
        End,
        r#"select org_id, size, head,
                  least(greatest(last_at, '1900-01-01Z'), '9999-12-31Z') as "last_at!",
                  seal, seal_key_id
           from (
             select c.*, row_number() over (partition by seal_key_id order by last_at desc) as place
             from audit_chains c
           ) placed
           where place <= $1
           order by seal_key_id, place"#,
        of_each,
    )
    .fetch_all(conn)
    .await
}

/// Ends, column by column.
pub(super) struct EndColumns {
    pub(super) orgs: Vec<String>,
    pub(super) sizes: Vec<i64>,
    pub(super) heads: Vec<Vec<u8>>,
    pub(super) times: Vec<DateTime<Utc>>,
    pub(super) seals: Vec<Vec<u8>>,
    pub(super) keys: Vec<String>,
}

impl EndColumns {
    pub(super) fn of(ends: &[End]) -> Self {
        Self {
            orgs: ends.iter().map(|end| end.org_id.clone()).collect(),
            sizes: ends.iter().map(|end| end.size).collect(),
            heads: ends.iter().map(|end| end.head.clone()).collect(),
            times: ends.iter().map(|end| end.last_at).collect(),
            seals: ends.iter().map(|end| end.seal.clone()).collect(),
            keys: ends.iter().map(|end| end.seal_key_id.clone()).collect(),
        }
    }
}

/// Moves the ends of logs that were locked. Answers how many there were.
pub async fn move_ends(conn: &mut PgConnection, ends: &[End]) -> sqlx::Result<u64> {
    let columns = EndColumns::of(ends);
    sqlx::query!(
        "update audit_chains c
         set size = n.size, head = n.head, last_at = n.last_at, seal = n.seal,
             seal_key_id = n.seal_key_id
         from unnest($1::text[], $2::bigint[], $3::bytea[], $4::timestamptz[], $5::bytea[],
                     $6::text[]) as n (org_id, size, head, last_at, seal, seal_key_id)
         where c.org_id = n.org_id",
        &columns.orgs,
        &columns.sizes,
        &columns.heads,
        &columns.times,
        &columns.seals,
        &columns.keys,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected())
}

/// The statement that writes records, between what stands before it and after it; of its parameters
/// these are the first 27. What it reads are `r`, of which the first column is `org_id`.
macro_rules! insert_records {
    ($before:literal, $after:literal, $records:expr $(, $more:expr)* $(,)?) => {{
        let records: &[&Record] = $records;
        macro_rules! column {
            ($record:ident => $value:expr) => {
                records.iter().map(|$record| $value).collect::<Vec<_>>()
            };
        }
        sqlx::query!(
            $before
                + r#"insert into audit_records
                   (org_id, sequence, entry_id, phase, created_at, event, method, route,
                    request_id, trace_id, run_id, status, outcome, duration_ms, actor_kind,
                    statement, actor, actor_role, resource, blind, commitment, payload,
                    payload_digest, entry_key, key_id, previous, hash)
                 select r.* from unnest(
                    $1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::timestamptz[],
                    $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::uuid[],
                    $12::int[], $13::text[], $14::bigint[], $15::text[], $16::text[], $17::text[],
                    $18::text[], $19::text[], $20::bytea[], $21::bytea[], $22::bytea[],
                    $23::bytea[], $24::bytea[], $25::text[], $26::bytea[], $27::bytea[])
                    as r (org_id)"#
                + $after,
            &column!(r => r.org_id.as_str()) as &[&str],
            &column!(r => r.sequence),
            &column!(r => r.entry_id),
            &column!(r => r.phase.as_str()) as &[&str],
            &column!(r => r.created_at),
            &column!(r => r.event.as_str()) as &[&str],
            &column!(r => r.method.as_deref()) as &[Option<&str>],
            &column!(r => r.route.as_deref()) as &[Option<&str>],
            &column!(r => r.request_id.as_deref()) as &[Option<&str>],
            &column!(r => r.trace_id.as_deref()) as &[Option<&str>],
            &column!(r => r.run_id) as &[Option<uuid::Uuid>],
            &column!(r => r.status) as &[Option<i32>],
            &column!(r => r.outcome.map(|outcome| outcome.as_str())) as &[Option<&str>],
            &column!(r => r.duration_ms) as &[Option<i64>],
            &column!(r => r.actor_kind.as_str()) as &[&str],
            &column!(r => r.statement.as_deref()) as &[Option<&str>],
            &column!(r => r.personal.actor.as_deref()) as &[Option<&str>],
            &column!(r => r.personal.actor_role.as_deref()) as &[Option<&str>],
            &column!(r => r.personal.resource.as_deref()) as &[Option<&str>],
            &column!(r => r.personal.blind.as_deref()) as &[Option<&[u8]>],
            &column!(r => r.commitment.as_slice()) as &[&[u8]],
            &column!(r => r.payload.as_deref()) as &[Option<&[u8]>],
            &column!(r => r.payload_digest.as_deref()) as &[Option<&[u8]>],
            &column!(r => r.entry_key.as_deref()) as &[Option<&[u8]>],
            &column!(r => r.key_id.as_deref()) as &[Option<&str>],
            &column!(r => r.previous.as_slice()) as &[&[u8]],
            &column!(r => r.hash.as_slice()) as &[&[u8]],
            $($more),*
        )
    }};
}
pub(super) use insert_records;

/// Writes records that stand at the ends of their logs. Answers how many.
pub async fn insert(conn: &mut PgConnection, records: &[&Record]) -> sqlx::Result<u64> {
    insert_records!("", "", records)
        .execute(conn)
        .await
        .map(|done| done.rows_affected())
}

/// Those of these traces of which anything is in a log.
pub async fn traces_there(
    conn: &mut PgConnection,
    org_id: &str,
    traces: &[String],
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select distinct trace_id as "trace_id!" from audit_records
           where org_id = $1 and trace_id = any($2) and phase <> 'completed'"#,
        org_id,
        traces,
    )
    .fetch_all(conn)
    .await
}

/// Which of these records are there: what to know after a commit whose answer was lost.
pub async fn written(
    conn: &mut PgConnection,
    orgs: &[String],
    entries: &[Uuid],
) -> sqlx::Result<Vec<(Uuid, String)>> {
    let found = sqlx::query!(
        "select r.entry_id, r.phase
         from unnest($1::text[], $2::uuid[]) as asked (org_id, entry_id)
         join audit_records r on r.org_id = asked.org_id and r.entry_id = asked.entry_id",
        orgs,
        entries,
    )
    .fetch_all(conn)
    .await?;
    Ok(found
        .into_iter()
        .map(|row| (row.entry_id, row.phase))
        .collect())
}
