//! The first page of a log, from its newest records.
//!
//! The numbers of a log have no gaps and its times never go back, so the newest records are a range of
//! numbers within a few days, and every end of an entry that begins in it lies in it as well. One scan of
//! one index of one month finds them, where a join would look for each end in every month.

use std::collections::HashMap;

use chrono::TimeDelta;
use sqlx::PgConnection;

use crate::audit::entry::Entry;
use crate::audit::error::Error;
use crate::audit::model::{Filter, Log, Phase};
use crate::audit::service::Audit;
use crate::audit::store::newest::{ListedRecord, LogEnd};
use crate::audit::store::{newest, reading};

/// The days in which the newest records of a log are looked for by themselves. A log that is quieter is read by
/// the general statement.
const LATELY: TimeDelta = TimeDelta::days(7);
/// The records that are read beyond two for each entry: ends of entries that began before the page.
const SPARE: i64 = 32;
/// The number of readings, each of twice as many records: after a burst of requests, or of long ones, the
/// newest records are ends.
const TRIES: usize = 3;

impl Audit {
    /// Entries that began before a number, newest first.
    pub async fn entries(
        &self,
        log: &Log,
        filter: &Filter,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Entry>, Error> {
        self.settled().await;
        let mut conn = self.db.acquire().await?;
        let end = newest::end(&mut conn, log.as_str()).await?;
        if let (Some(end), None, true) = (end, before, filter.is_empty())
            && let Some(found) = newest_page(&mut conn, log, end, limit).await?
        {
            return Ok(found);
        }
        let (before, last_at) = (before.unwrap_or(i64::MAX), end.map(|end| end.last_at));
        Ok(reading::entries(&mut conn, log.as_str(), filter, before, last_at, limit).await?)
    }
}

/// The newest entries of a log; none if they are not all among its records of the last days.
async fn newest_page(
    conn: &mut PgConnection,
    log: &Log,
    end: LogEnd,
    limit: i64,
) -> Result<Option<Vec<Entry>>, Error> {
    let Some(since) = end.last_at.checked_sub_signed(LATELY) else {
        return Ok(None);
    };
    let entries = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut wanted = limit.saturating_mul(2).saturating_add(SPARE);
    for _ in 0..TRIES {
        let after = end.size.saturating_sub(wanted).max(0);
        let records = newest::records(conn, log.as_str(), after, since, end.last_at).await?;
        let are_all = usize::try_from(end.size - after).is_ok_and(|all| records.len() == all);
        if !are_all {
            return Ok(None);
        }
        let found = joined(records, entries);
        if after == 0 || found.len() == entries {
            return Ok(Some(found));
        }
        wanted = wanted.saturating_mul(2);
    }
    Ok(None)
}

/// The first entries of records that stand newest first, so that an end comes before its beginning.
fn joined(records: Vec<ListedRecord>, limit: usize) -> Vec<Entry> {
    let mut ends = HashMap::new();
    let mut found = Vec::with_capacity(limit.min(records.len()));
    for record in records {
        if found.len() == limit {
            break;
        }
        match record.phase {
            Phase::Completed => {
                ends.insert(record.entry_id, record);
            }
            Phase::Begun | Phase::Noted => {
                let end = ends.remove(&record.entry_id);
                found.push(entry(record, end));
            }
        }
    }
    found
}

fn entry(first: ListedRecord, end: Option<ListedRecord>) -> Entry {
    let ended_at = end.as_ref().map(|end| end.created_at);
    let is_noted = first.phase == Phase::Noted;
    let sealed_later = end.as_ref().is_some_and(|end| end.has_payload);
    let (resource, status, outcome, duration_ms) = match end {
        Some(end) => (end.resource, end.status, end.outcome, end.duration_ms),
        None => (None, None, None, None),
    };
    Entry {
        entry_id: first.entry_id,
        sequence: first.sequence,
        event: first.event,
        actor_kind: first.actor_kind,
        actor: first.actor,
        actor_role: first.actor_role,
        method: first.method,
        route: first.route,
        resource: resource.or(first.resource),
        request_id: first.request_id,
        trace_id: first.trace_id,
        run_id: first.run_id,
        created_at: first.created_at,
        completed_at: if is_noted {
            Some(first.created_at)
        } else {
            ended_at
        },
        status: status.or(first.status),
        outcome: outcome.or(first.outcome),
        duration_ms: duration_ms.or(first.duration_ms),
        has_payload: Some(first.has_key && (first.has_payload || sealed_later)),
        erased_by: first.erased_by,
    }
}
