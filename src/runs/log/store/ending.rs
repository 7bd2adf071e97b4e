//! The end of a log and of its run.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::platform::ids::{OrgId, RunId};
use crate::platform::json::{strip_nul, to_jsonb};
use crate::platform::redact::json::redact_json;
use crate::platform::redact::text::redact_text;
use crate::runs::log::store::events::{Appended, EventColumns, Storable, why_not};
use crate::runs::model::RunStatus;

/// The end of a run.
#[derive(Clone, Copy, Debug)]
pub struct RunEnd<'a> {
    /// The sequence number that the log must end at.
    pub last: i64,
    /// The fence of the writer.
    pub fence: i64,
    /// The last events, each with where the run stands when it happens.
    pub events: &'a [(Storable, RunStatus)],
    /// One of the three ends.
    pub status: RunStatus,
    /// `complete.summary` as clients got it.
    pub summary: &'a Value,
    /// The error.
    pub error: Option<&'a str>,
}

/// Appends the last events and ends the run, in one statement; drops what only a resumed run would need. Says
/// the same of where the log ends as [`crate::runs::log::store::events::append`].
pub async fn finish(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
    end: &RunEnd<'_>,
    at: DateTime<Utc>,
) -> sqlx::Result<Appended> {
    let EventColumns {
        kinds,
        payloads,
        statuses,
    } = EventColumns::of(end.events);
    let error = end.error.map(strip_nul);
    let error = error.as_deref().map(redact_text);
    let mut summary = to_jsonb(end.summary);
    redact_json(&mut summary);
    let moved = sqlx::query_scalar!(
        r#"with moved as (
             update runs
             set last_sequence = $3 + cardinality($5::text[]), updated_at = $8, finished_at = $8,
                 status = $9, phase = $9, summary = $10, error = $11,
                 request = null, state = null, baseline = null
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
        end.last,
        end.fence,
        &kinds,
        &payloads,
        &statuses,
        at,
        end.status.as_str(),
        summary,
        error.as_deref(),
    )
    .fetch_one(&mut *conn)
    .await?;
    if moved {
        return Ok(Appended::Done);
    }
    why_not(conn, org_id, run_id, end.fence).await
}
