//! The log of a run: appended without gaps, read from any point.
//!
//! A sequence number is taken from `runs.last_sequence` by the statement that writes the event. The
//! update holds the row's lock until the commit, so numbers become visible in order and without
//! gaps: a reader that has seen `n` never finds a smaller number afterwards.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::platform::ids::{OrgId, RunId};
use crate::platform::json::strip_nul_json;
use crate::platform::redact::json::{redact_command_json, redact_json};
use crate::runs::event::Event;
use crate::runs::log::shown::make_readable;
use crate::runs::model::RunStatus;

/// An event with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// 1, 2, 3 … within the run.
    pub sequence: i64,
    /// The event.
    pub event: Event,
    /// Where the run stood when it happened.
    pub run_status: RunStatus,
    /// When it was written.
    pub at: DateTime<Utc>,
}

/// An event as it may be kept and shown: without secrets, without NUL characters, which Postgres cannot
/// hold, and without what makes a text look like another.
///
/// Nothing else can be appended, and what is appended is what watchers get, so a stream never differs
/// from its log.
#[derive(Clone, Debug, PartialEq)]
pub struct Storable {
    event: Event,
    payload: Value,
}

impl Storable {
    /// The form in which an event is stored.
    pub fn new(event: Event) -> Self {
        let mut payload = serde_json::to_value(&event).unwrap_or_default();
        let had_nul = strip_nul_json(&mut payload);
        // The person who decides about a command sees what it runs.
        let had_secret = if matches!(event, Event::ConsentRequired { .. }) {
            redact_command_json(&mut payload)
        } else {
            redact_json(&mut payload)
        };
        let had_trick = make_readable(&mut payload);
        let event = if had_nul || had_secret || had_trick {
            serde_json::from_value(payload.clone()).unwrap_or(event)
        } else {
            event
        };
        Self { event, payload }
    }

    /// The work that a run is busy with from this event on, if it says so.
    pub(in crate::runs) fn phase(&self) -> Option<&'static str> {
        if let Event::Status { status, .. } = &self.event {
            return Some(status.name());
        }
        None
    }
}

/// The events to append, and the changes of the run that go with them.
#[derive(Clone, Debug)]
pub struct Append<'a> {
    /// The sequence number that the log must end at.
    pub last: i64,
    /// The fence of the writer.
    pub fence: i64,
    /// The events, each with where the run stands when it happens.
    pub events: &'a [(Storable, RunStatus)],
    /// Where the run stands afterwards.
    pub status: RunStatus,
    /// The work it is busy with afterwards, if that changes.
    pub phase: Option<&'a str>,
    /// The sequence number up to which the log agrees with the conversation, if that changes.
    pub settled: Option<i64>,
    /// The progress of the run, if that changes.
    pub state: Option<&'a Value>,
    /// The results of its checks before its first change, if they were measured.
    pub baseline: Option<&'a Value>,
}

impl<'a> Append<'a> {
    /// Events, and nothing else.
    pub fn events(
        last: i64,
        fence: i64,
        events: &'a [(Storable, RunStatus)],
        status: RunStatus,
    ) -> Self {
        Self {
            last,
            fence,
            events,
            status,
            phase: None,
            settled: None,
            state: None,
            baseline: None,
        }
    }
}

/// The outcome of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The events follow the sequence number that was expected.
    Done,
    /// The log does not end at the expected number but at this one, and nothing was written.
    EndsAt(i64),
    /// The run is another's by now, or over, and nothing was written.
    Fenced,
}

/// Appends to the log of an unfinished run, in one statement and so in one round trip.
///
/// Naming the end makes the append safe to try again: when the answer to a commit is lost, the
/// second try finds that the log has moved on by just these events. Naming the fence keeps a writer
/// out that lost the run without knowing it.
pub async fn append(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    append: &Append<'_>,
    at: DateTime<Utc>,
) -> sqlx::Result<Appended> {
    let EventColumns {
        kinds,
        payloads,
        statuses,
    } = EventColumns::of(append.events);
    let moved = sqlx::query_scalar!(
        r#"with moved as (
             update runs
             set last_sequence = $3 + cardinality($5::text[]), updated_at = $8, status = $9,
                 phase = coalesce($10, phase),
                 settled_sequence = coalesce($11, settled_sequence),
                 state = coalesce($12, state), baseline = coalesce($13, baseline)
             where org_id = $1 and run_id = $2 and last_sequence = $3 and fence = $4
               and finished_at is null
             returning run_id
           ), written as (
             insert into run_events (org_id, run_id, sequence, kind, payload, run_status, created_at)
             select $1, run_id, $3 + entry.place, entry.kind, entry.payload, entry.status, $8
             from moved, unnest($5::text[], $6::jsonb[], $7::text[])
                  with ordinality as entry (kind, payload, status, place)
           )
           select exists (select 1 from moved) as "moved!""#,
        org_id.as_str(),
        run_id.0,
        append.last,
        append.fence,
        &kinds,
        &payloads,
        &statuses,
        at,
        append.status as RunStatus,
        append.phase,
        append.settled,
        append.state,
        append.baseline,
    )
    .fetch_one(&mut *conn)
    .await?;
    if moved {
        return Ok(Appended::Done);
    }
    why_not(conn, org_id, run_id, append.fence).await
}

/// The events of an append, column by column.
pub(in crate::runs) struct EventColumns {
    pub(in crate::runs) kinds: Vec<String>,
    pub(in crate::runs) payloads: Vec<Value>,
    pub(in crate::runs) statuses: Vec<String>,
}

impl EventColumns {
    pub(in crate::runs) fn of(events: &[(Storable, RunStatus)]) -> Self {
        let (mut kinds, mut payloads, mut statuses) = (Vec::new(), Vec::new(), Vec::new());
        for (storable, status) in events {
            kinds.push(storable.event.kind().to_owned());
            payloads.push(storable.payload.clone());
            statuses.push(status.as_str().to_owned());
        }
        Self {
            kinds,
            payloads,
            statuses,
        }
    }
}

/// Why nothing was appended: the log has another end, or the run is another's.
pub(super) async fn why_not(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    fence: i64,
) -> sqlx::Result<Appended> {
    let found = sqlx::query!(
        "select last_sequence, fence, finished_at from runs where org_id = $1 and run_id = $2",
        org_id.as_str(),
        run_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(match found {
        Some(run) if run.fence == fence && run.finished_at.is_none() => {
            Appended::EndsAt(run.last_sequence)
        }
        Some(_) | None => Appended::Fenced,
    })
}

/// The events as they stand in the log after `last`.
pub fn numbered(last: i64, events: Vec<(Storable, RunStatus)>, at: DateTime<Utc>) -> Vec<Recorded> {
    (last + 1..)
        .zip(events)
        .map(|(sequence, (storable, run_status))| Recorded {
            sequence,
            event: storable.event,
            run_status,
            at,
        })
        .collect()
}

/// The events after a sequence number, in order: at most `limit`, and after the first no more than
/// fit into `bytes` as text, so that a reader never holds more than that. Empty means that there are none.
///
/// The run's own creation time bounds the partitions that are looked at, with a day to spare for
/// replicas whose clocks differ.
pub async fn after(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    sequence: i64,
    limit: i64,
    bytes: i64,
) -> sqlx::Result<Vec<Recorded>> {
    let rows = sqlx::query!(
        r#"select sequence as "sequence!", payload as "payload!: Json<Event>",
                  run_status as "run_status: RunStatus", created_at as "created_at!"
           from (
             select sequence, payload, run_status, created_at,
                    sum(octet_length(payload::text)) over (order by sequence) as size,
                    row_number() over (order by sequence) as place
             from (
               select sequence, payload, run_status, created_at from run_events
               where org_id = $1 and run_id = $2 and sequence > $3
                 and created_at >= (select created_at - interval '1 day' from runs
                                    where org_id = $1 and run_id = $2)
               order by sequence limit $4
             ) page
           ) measured
           where place = 1 or size <= $5
           order by sequence"#,
        org_id.as_str(),
        run_id.0,
        sequence,
        limit,
        bytes,
    )
    .fetch_all(conn)
    .await?;
    let recorded = rows.into_iter().map(|row| Recorded {
        sequence: row.sequence,
        event: row.payload.0,
        // Earlier versions did not note it, and ended no run in good order but the finished ones.
        run_status: row.run_status.unwrap_or(RunStatus::Running),
        at: row.created_at,
    });
    Ok(recorded.collect())
}
