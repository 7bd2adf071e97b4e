//! Reading records and entries.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::audit::entry::Entry;
use crate::audit::event::Event;
use crate::audit::model::{ActorKind, EntryId, Filter, Outcome, Phase};
use crate::audit::record::{Personal, Record};

/// A record as its row is, before it is put together.
struct Row {
    org_id: String,
    sequence: i64,
    entry_id: Uuid,
    phase: Phase,
    created_at: DateTime<Utc>,
    event: Event,
    method: Option<String>,
    route: Option<String>,
    request_id: Option<String>,
    trace_id: Option<String>,
    run_id: Option<Uuid>,
    status: Option<i32>,
    outcome: Option<Outcome>,
    duration_ms: Option<i64>,
    actor_kind: ActorKind,
    statement: Option<String>,
    actor: Option<String>,
    actor_role: Option<String>,
    resource: Option<String>,
    blind: Option<Vec<u8>>,
    commitment: Vec<u8>,
    payload: Option<Vec<u8>>,
    payload_digest: Option<Vec<u8>>,
    entry_key: Option<Vec<u8>>,
    key_id: Option<String>,
    erased_by: Option<i64>,
    previous: Vec<u8>,
    hash: Vec<u8>,
}

impl From<Row> for Record {
    fn from(row: Row) -> Self {
        Self {
            org_id: row.org_id,
            sequence: row.sequence,
            entry_id: row.entry_id,
            phase: row.phase,
            created_at: row.created_at,
            event: row.event,
            method: row.method,
            route: row.route,
            request_id: row.request_id,
            trace_id: row.trace_id,
            run_id: row.run_id,
            status: row.status,
            outcome: row.outcome,
            duration_ms: row.duration_ms,
            actor_kind: row.actor_kind,
            statement: row.statement,
            personal: Personal {
                actor: row.actor,
                actor_role: row.actor_role,
                resource: row.resource,
                blind: row.blind,
            },
            commitment: row.commitment,
            payload: row.payload,
            payload_digest: row.payload_digest,
            entry_key: row.entry_key,
            key_id: row.key_id,
            erased_by: row.erased_by,
            previous: row.previous,
            hash: row.hash,
        }
    }
}

/// The query of records; what follows their columns differs. Times that no calendar has are brought into
/// one: then the hash does not fit.
macro_rules! records {
    ($rest:literal, $($arguments:tt)*) => {
        sqlx::query_as!(
            Row,
            r#"select org_id, sequence, entry_id, phase as "phase: Phase",
                      least(greatest(created_at, '1900-01-01Z'), '9999-12-31Z') as "created_at!",
                      event as "event: Event", method, route, request_id, trace_id, run_id, status,
                      outcome as "outcome: Outcome", duration_ms,
                      actor_kind as "actor_kind: ActorKind", statement, actor, actor_role, resource,
                      blind, commitment, payload, payload_digest, entry_key, key_id, erased_by,
                      previous, hash
               from audit_records "#
                + $rest,
            $($arguments)*
        )
    };
}

/// The records after a number, in order, at most `limit` of them and none from `until` on.
pub async fn records_after(
    conn: &mut PgConnection,
    org_id: &str,
    after: i64,
    until: Option<DateTime<Utc>>,
    limit: i64,
) -> sqlx::Result<Vec<Record>> {
    let rows = records!(
        "where org_id = $1 and sequence > $2 and ($3::timestamptz is null or created_at < $3)
         order by sequence, audit_records.created_at limit $4",
        org_id,
        after,
        until,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Record::from).collect())
}

/// The last record of a log.
pub async fn last_record(conn: &mut PgConnection, org_id: &str) -> sqlx::Result<Option<Record>> {
    let row = records!(
        "where org_id = $1 order by sequence desc, audit_records.created_at desc limit 1",
        org_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Record::from))
}

/// The records of one entry, its beginning first.
pub async fn records_of(
    conn: &mut PgConnection,
    org_id: &str,
    entry: EntryId,
) -> sqlx::Result<Vec<Record>> {
    let rows = records!(
        "where org_id = $1 and entry_id = $2 order by sequence",
        org_id,
        entry.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Record::from).collect())
}

/// The number before the first record that is not older than a time; the log's size when all are.
pub async fn number_before(
    conn: &mut PgConnection,
    org_id: &str,
    since: Option<DateTime<Utc>>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select coalesce(
             (select min(sequence) - 1 from audit_records
              where org_id = $1 and ($2::timestamptz is null or created_at >= $2)),
             (select size from audit_chains where org_id = $1), 0) as "number!""#,
        org_id,
        since,
    )
    .fetch_one(conn)
    .await
}

/// Counts the records that are older than a time.
pub async fn count_before(
    conn: &mut PgConnection,
    org_id: &str,
    cutoff: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from audit_records
           where org_id = $1 and created_at < $2"#,
        org_id,
        cutoff,
    )
    .fetch_one(conn)
    .await
}

/// Counts the records up to a number.
pub async fn count_up_to(
    conn: &mut PgConnection,
    org_id: &str,
    sequence: i64,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from audit_records
           where org_id = $1 and sequence <= $2"#,
        org_id,
        sequence,
    )
    .fetch_one(conn)
    .await
}

/// The query of entries: of the records that begin them, `b`, each with the one that completes it,
/// `c`. How that one is found differs.
macro_rules! entries {
    ($rest:literal, $($arguments:tt)*) => {
        sqlx::query_as!(
            Entry,
            r#"select b.entry_id as "entry_id: EntryId", b.sequence, b.event as "event: Event",
                      b.actor_kind as "actor_kind: ActorKind", b.actor, b.actor_role, b.method,
                      b.route, coalesce(c.resource, b.resource) as resource, b.request_id,
                      b.trace_id, b.run_id, b.created_at,
                      case b.phase when 'noted' then b.created_at else c.created_at end
                          as completed_at,
                      coalesce(c.status, b.status) as status,
                      coalesce(c.outcome, b.outcome) as "outcome: Outcome",
                      coalesce(c.duration_ms, b.duration_ms) as duration_ms,
                      (b.entry_key is not null and (b.payload is not null or c.payload is not null))
                          as has_payload,
                      b.erased_by
               from audit_records b "#
                + $rest,
            $($arguments)*
        )
    };
}

/// Entries that began before a number, newest first. No record of the log is younger than `last_at`.
///
/// The end of an entry is not older than its beginning, so that one is not looked for in earlier months,
/// and none is in months that are still to come.
pub async fn entries(
    conn: &mut PgConnection,
    org_id: &str,
    filter: &Filter,
    before: i64,
    last_at: Option<DateTime<Utc>>,
    limit: i64,
) -> sqlx::Result<Vec<Entry>> {
    entries!(
        "left join lateral (
             select resource, created_at, status, outcome, duration_ms, payload
             from audit_records c
             where c.org_id = b.org_id and c.entry_id = b.entry_id and c.phase = 'completed'
               and c.created_at >= b.created_at
               and c.created_at <= coalesce($10::timestamptz, 'infinity')
         ) c on true
         where b.org_id = $1 and b.sequence < $2 and b.phase <> 'completed'
           and ($3::text is null or b.actor = $3)
           and ($4::text is null or b.event = $4)
           and ($5::text is null or b.route = $5)
           and ($6::text is null or coalesce(c.outcome, b.outcome) = $6)
           and ($7::timestamptz is null or b.created_at >= $7)
           and ($8::timestamptz is null or b.created_at < $8)
         order by b.sequence desc limit $9",
        org_id,
        before,
        filter.actor,
        filter.event.as_ref().map(Event::as_str),
        filter.route,
        filter.outcome.map(Outcome::as_str),
        filter.since,
        filter.until,
        limit,
        last_at,
    )
    .fetch_all(conn)
    .await
}

/// One entry.
pub async fn entry(
    conn: &mut PgConnection,
    org_id: &str,
    id: EntryId,
) -> sqlx::Result<Option<Entry>> {
    entries!(
        "left join audit_records c
           on c.org_id = b.org_id and c.entry_id = b.entry_id and c.phase = 'completed'
         where b.org_id = $1 and b.entry_id = $2 and b.phase <> 'completed'",
        org_id,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The last record of an event in a log.
pub async fn last_of(
    conn: &mut PgConnection,
    org_id: &str,
    event: Event,
) -> sqlx::Result<Option<EntryId>> {
    sqlx::query_scalar!(
        r#"select entry_id as "id: EntryId" from audit_records
           where org_id = $1 and event = $2 order by sequence desc limit 1"#,
        org_id,
        event.as_str(),
    )
    .fetch_optional(conn)
    .await
}

/// The lines of an event's statements in a log that begin so, each with the number and the time of its
/// record, in the order of the log.
pub async fn lines_of_statements(
    conn: &mut PgConnection,
    org_id: &str,
    event: Event,
    beginning: &str,
) -> sqlx::Result<Vec<(i64, DateTime<Utc>, String)>> {
    let rows = sqlx::query!(
        r#"select r.sequence, line.words as "words!",
                  least(greatest(r.created_at, '1900-01-01Z'), '9999-12-31Z') as "at!"
           from audit_records r
           cross join lateral string_to_table(r.statement, chr(10)) as line (words)
           where r.org_id = $1 and r.event = $2 and strpos(r.statement, $3) > 0
             and starts_with(line.words, $3)
           order by r.sequence"#,
        org_id,
        event.as_str(),
        beginning,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.sequence, row.at, row.words))
        .collect())
}

/// The first words of all lines of an event's statements in a log, each once.
pub async fn first_words_of_statements(
    conn: &mut PgConnection,
    org_id: &str,
    event: Event,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select distinct split_part(line.words, ' ', 1) as "word!" from audit_records r
           cross join lateral string_to_table(r.statement, chr(10)) as line (words)
           where r.org_id = $1 and r.event = $2
           order by 1"#,
        org_id,
        event.as_str(),
    )
    .fetch_all(conn)
    .await
}
