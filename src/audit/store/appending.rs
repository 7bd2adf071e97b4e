//! Appending records to logs, many at once.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::audit::record::Record;

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

/// Those of these logs that have records or proofs, and no end: somebody took it away.
pub async fn headless(conn: &mut PgConnection, orgs: &[String]) -> sqlx::Result<Vec<String>> {
    // One statement sees one moment: a log that another server begins meanwhile has an end.
    sqlx::query_scalar!(
        r#"select o.org_id as "org_id!" from unnest($1::text[]) as o (org_id)
           where not exists (select from audit_chains c where c.org_id = o.org_id)
             and (exists (select from audit_records r where r.org_id = o.org_id)
               or exists (select from audit_checkpoints k where k.org_id = o.org_id)
               or exists (select from audit_tiles t where t.org_id = o.org_id))
           order by o.org_id"#,
        orgs,
    )
    .fetch_all(conn)
    .await
}

/// The ends of these logs, locked until the end of the transaction, always in the same order so that
/// no two servers wait for each other.
pub async fn lock_ends(conn: &mut PgConnection, orgs: &[String]) -> sqlx::Result<Vec<End>> {
    sqlx::query_as!(
        End,
        "select org_id, size, head, last_at, seal, seal_key_id
         from audit_chains where org_id = any($1) order by org_id for update",
        orgs,
    )
    .fetch_all(conn)
    .await
}

/// The end of a log.
pub async fn end(conn: &mut PgConnection, org_id: &str) -> sqlx::Result<Option<End>> {
    sqlx::query_as!(
        End,
        "select org_id, size, head, last_at, seal, seal_key_id
         from audit_chains where org_id = $1",
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

/// The names of the keys that seal the ends of logs.
pub async fn seals(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("select distinct seal_key_id from audit_chains order by seal_key_id")
        .fetch_all(conn)
        .await
}

struct EndColumns {
    orgs: Vec<String>,
    sizes: Vec<i64>,
    heads: Vec<Vec<u8>>,
    times: Vec<DateTime<Utc>>,
    seals: Vec<Vec<u8>>,
    keys: Vec<String>,
}

impl EndColumns {
    fn of(ends: &[End]) -> Self {
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

/// Moves the ends of logs that were locked.
pub async fn move_ends(conn: &mut PgConnection, ends: &[End]) -> sqlx::Result<()> {
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
    .map(drop)
}

/// Writes records that stand at the ends of their logs.
pub async fn insert(conn: &mut PgConnection, records: &[Record]) -> sqlx::Result<()> {
    macro_rules! column {
        ($record:ident => $value:expr) => {
            records.iter().map(|$record| $value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "insert into audit_records
           (org_id, sequence, entry_id, phase, created_at, event, method, route, request_id,
            trace_id, run_id, status, outcome, duration_ms, actor_kind, statement, actor, actor_role,
            resource, blind, commitment, payload, payload_digest, entry_key, key_id, previous,
            hash)
         select * from unnest(
            $1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[],
            $7::text[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::int[], $13::text[],
            $14::bigint[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
            $20::bytea[], $21::bytea[], $22::bytea[], $23::bytea[], $24::bytea[], $25::text[],
            $26::bytea[], $27::bytea[])",
        &column!(r => r.org_id.clone()),
        &column!(r => r.sequence),
        &column!(r => r.entry_id),
        &column!(r => r.phase.as_str().to_owned()),
        &column!(r => r.created_at),
        &column!(r => r.event.as_str().to_owned()),
        &column!(r => r.method.clone()) as &[Option<String>],
        &column!(r => r.route.clone()) as &[Option<String>],
        &column!(r => r.request_id.clone()) as &[Option<String>],
        &column!(r => r.trace_id.clone()) as &[Option<String>],
        &column!(r => r.run_id) as &[Option<Uuid>],
        &column!(r => r.status) as &[Option<i32>],
        &column!(r => r.outcome.map(|outcome| outcome.as_str().to_owned())) as &[Option<String>],
        &column!(r => r.duration_ms) as &[Option<i64>],
        &column!(r => r.actor_kind.as_str().to_owned()),
        &column!(r => r.statement.clone()) as &[Option<String>],
        &column!(r => r.personal.actor.clone()) as &[Option<String>],
        &column!(r => r.personal.actor_role.clone()) as &[Option<String>],
        &column!(r => r.personal.resource.clone()) as &[Option<String>],
        &column!(r => r.personal.blind.clone()) as &[Option<Vec<u8>>],
        &column!(r => r.commitment.clone()),
        &column!(r => r.payload.clone()) as &[Option<Vec<u8>>],
        &column!(r => r.payload_digest.clone()) as &[Option<Vec<u8>>],
        &column!(r => r.entry_key.clone()) as &[Option<Vec<u8>>],
        &column!(r => r.key_id.clone()) as &[Option<String>],
        &column!(r => r.previous.clone()),
        &column!(r => r.hash.clone()),
    )
    .execute(conn)
    .await
    .map(drop)
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
