//! Reading the newest records of a log by their numbers.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::audit::event::Event;
use crate::audit::model::{ActorKind, EntryId, Outcome, Phase};

/// The end of a log: how many records it has, and the time of the last.
#[derive(Clone, Copy, Debug)]
pub struct LogEnd {
    /// The number of its last record.
    pub size: i64,
    /// The time of its last record; no record of the log is younger.
    pub last_at: DateTime<Utc>,
}

/// A record as lists need it: half of an entry.
#[derive(Clone, Debug)]
pub struct ListedRecord {
    /// The entry.
    pub entry_id: EntryId,
    /// The number.
    pub sequence: i64,
    /// The half of the entry.
    pub phase: Phase,
    /// The event.
    pub event: Event,
    /// The kind of actor.
    pub actor_kind: ActorKind,
    /// The actor; absent when erased, and in an end.
    pub actor: Option<String>,
    /// The actor's role.
    pub actor_role: Option<String>,
    /// The request's method.
    pub method: Option<String>,
    /// The route's template.
    pub route: Option<String>,
    /// The thing it was done to.
    pub resource: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// Its trace.
    pub trace_id: Option<String>,
    /// The run.
    pub run_id: Option<Uuid>,
    /// The time of the record.
    pub created_at: DateTime<Utc>,
    /// The answer's status.
    pub status: Option<i32>,
    /// The outcome.
    pub outcome: Option<Outcome>,
    /// The duration.
    pub duration_ms: Option<i64>,
    /// True if the entry's key is there.
    pub has_key: bool,
    /// True if something is sealed with this record.
    pub has_payload: bool,
    /// The number of the record that says that it was erased.
    pub erased_by: Option<i64>,
}

/// The end of a log.
pub async fn end(conn: &mut PgConnection, org_id: &str) -> sqlx::Result<Option<LogEnd>> {
    sqlx::query_as!(
        LogEnd,
        r#"select size, least(greatest(last_at, '1900-01-01Z'), '9999-12-31Z') as "last_at!"
           from audit_chains where org_id = $1"#,
        org_id,
    )
    .fetch_optional(conn)
    .await
}

/// The records after a number, from a time on and up to another, newest first.
///
/// The times choose the months that are read: a statement without them reads every one.
pub async fn records(
    conn: &mut PgConnection,
    org_id: &str,
    after: i64,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<Vec<ListedRecord>> {
    sqlx::query_as!(
        ListedRecord,
        r#"select entry_id as "entry_id: EntryId", sequence, phase as "phase: Phase",
                  event as "event: Event", actor_kind as "actor_kind: ActorKind", actor, actor_role,
                  method, route, resource, request_id, trace_id, run_id, created_at, status,
                  outcome as "outcome: Outcome", duration_ms, entry_key is not null as "has_key!",
                  payload is not null as "has_payload!", erased_by
           from audit_records
           where org_id = $1 and sequence > $2 and created_at >= $3 and created_at <= $4
           order by sequence desc"#,
        org_id,
        after,
        since,
        until,
    )
    .fetch_all(conn)
    .await
}
