//! The log of a run: appended without gaps, read from any point.
//!
//! A sequence number is taken from `runs.last_sequence` by the transaction that writes the event.
//! The update holds the row's lock until the commit, so numbers become visible in order and
//! without gaps: a reader that has seen `n` never finds a smaller number afterwards.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::agent::event::Event;
use crate::agent::model::RunId;
use crate::platform::db::to_jsonb;
use crate::platform::ids::OrgId;

/// An event with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// 1, 2, 3 … within the run.
    pub sequence: i64,
    /// The event.
    pub event: Event,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The events follow `last`, the sequence number that was expected.
    Done,
    /// The log does not end at the expected number but at this one, and nothing was written.
    EndsAt(i64),
}

/// Appends events to a log that must end at `last`.
///
/// Naming the end makes the append safe to try again: when the answer to a commit is lost, the
/// second try finds that the log has moved on by just these events. It also keeps a second writer
/// out.
pub async fn append(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    last: i64,
    events: &[Event],
    at: DateTime<Utc>,
) -> sqlx::Result<Appended> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let moved = sqlx::query!(
        "update runs set last_sequence = $3 + $4, updated_at = $5
         where org_id = $1 and run_id = $2 and last_sequence = $3",
        org_id.as_str(),
        run_id.0,
        last,
        count,
        at,
    )
    .execute(&mut *conn)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(Appended::EndsAt(last_sequence(conn, org_id, run_id).await?));
    }
    let kinds: Vec<String> = events.iter().map(|event| event.kind().to_owned()).collect();
    let payloads: Vec<Value> = events.iter().map(to_jsonb).collect();
    sqlx::query!(
        "insert into run_events (org_id, run_id, sequence, kind, payload, created_at)
         select $1, $2, $3 + entry.place, entry.kind, entry.payload, $6
         from unnest($4::text[], $5::jsonb[]) with ordinality as entry (kind, payload, place)",
        org_id.as_str(),
        run_id.0,
        last,
        &kinds,
        &payloads,
        at,
    )
    .execute(conn)
    .await?;
    Ok(Appended::Done)
}

/// The events as they stand in the log after `last`.
pub fn numbered(last: i64, events: Vec<Event>) -> Vec<Recorded> {
    (last + 1..)
        .zip(events)
        .map(|(sequence, event)| Recorded { sequence, event })
        .collect()
}

/// Where a log ends; 0 when it is empty.
pub async fn last_sequence(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "select last_sequence from runs where org_id = $1 and run_id = $2",
        org_id.as_str(),
        run_id.0,
    )
    .fetch_one(conn)
    .await
}

/// The events after a sequence number, at most `limit`, in order.
///
/// The run's own creation time bounds the partitions that are looked at, with a day to spare for
/// replicas whose clocks differ.
pub async fn after(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    sequence: i64,
    limit: i64,
) -> sqlx::Result<Vec<Recorded>> {
    let rows = sqlx::query!(
        "select sequence, payload from run_events
         where org_id = $1 and run_id = $2 and sequence > $3
           and created_at >= (select created_at - interval '1 day' from runs
                             where org_id = $1 and run_id = $2)
         order by sequence limit $4",
        org_id.as_str(),
        run_id.0,
        sequence,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let event = serde_json::from_value(row.payload)
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            Ok(Recorded {
                sequence: row.sequence,
                event,
            })
        })
        .collect()
}
