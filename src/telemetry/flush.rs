//! Writes batches and errors of this server, all that is there in one commit.

use std::collections::BTreeMap;

use sqlx::{Connection, PgConnection};

use crate::platform::db::is_refusal;
use crate::telemetry::cardinality::{CardinalityLimiter, OTHER, hour_of};
use crate::telemetry::model::{CommitResult, RejectReason, RejectedEvent};
use crate::telemetry::rates::sketch::bucket_of;
use crate::telemetry::rows::{BatchRows, EventRow, GroupedError};
use crate::telemetry::store::batches::{EventCountKey, HourlyCounts, StoredBatch};
use crate::telemetry::store::measurements::{BucketKey, BucketTotals, MeasurementRow};
use crate::telemetry::store::{batches, errors, measurements, plain};

/// The most events that are stored by one statement; more are copied, which costs round trips and spares the
/// database work.
const MAX_IN_ONE: usize = 256;

/// The content of one commit.
pub struct Flush<'a> {
    /// Batches, in the order of arrival.
    pub batches: &'a [&'a BatchRows],
    /// Errors of this server.
    pub errors: &'a [&'a GroupedError],
    /// Environment of this server.
    pub environment: &'a str,
}

/// The new events of a batch.
struct NewEvents<'a> {
    batch: &'a BatchRows,
    events: Vec<&'a EventRow>,
}

impl Flush<'_> {
    /// Writes everything and commits. Returns the result of each batch.
    pub async fn commit(
        &self,
        conn: &mut PgConnection,
        names: &mut CardinalityLimiter,
    ) -> sqlx::Result<Vec<CommitResult>> {
        if !self.is_plain() {
            return self.commit_in_steps(conn, names).await;
        }
        let is_stored = plain::store(conn, self.batches, names).await?;
        let both = || self.batches.iter().zip(&is_stored);
        let sent_before: Vec<&BatchRows> = both()
            .filter(|(_, is_stored)| !**is_stored)
            .map(|(batch, _)| *batch)
            .collect();
        let mut others = Vec::new().into_iter();
        if !sent_before.is_empty() {
            let again = Flush {
                batches: &sent_before,
                ..*self
            };
            others = again.commit_in_steps(conn, names).await?.into_iter();
        }
        let results = both().filter_map(|(batch, is_stored)| {
            if *is_stored {
                Some(CommitResult::of_new(batch.events.len()))
            } else {
                others.next()
            }
        });
        Ok(results.collect())
    }

    /// True if one statement can store it: few events, and none that is counted beside its own kind.
    fn is_plain(&self) -> bool {
        let mut events = self.batches.iter().flat_map(|batch| &batch.events);
        self.errors.is_empty()
            && !self.batches.is_empty()
            && self
                .batches
                .iter()
                .map(|batch| batch.events.len())
                .sum::<usize>()
                <= MAX_IN_ONE
            && events.all(|event| event.error.is_none() && event.measurements.is_empty())
    }

    async fn commit_in_steps(
        &self,
        conn: &mut PgConnection,
        names: &mut CardinalityLimiter,
    ) -> sqlx::Result<Vec<CommitResult>> {
        let mut tx = conn.begin().await?;
        let mut lines = Vec::new();
        let mut parts = Vec::with_capacity(self.batches.len());
        let mut stored = Vec::with_capacity(self.batches.len());
        let fresh = if self.batches.is_empty() {
            Vec::new()
        } else {
            batches::claim(&mut tx, self.batches).await?
        };
        for (batch, is_fresh) in self.batches.iter().zip(fresh) {
            if is_fresh {
                lines.extend_from_slice(&batch.lines);
                parts.push(NewEvents {
                    batch,
                    events: batch.events.iter().collect(),
                });
                stored.push(CommitResult::of_new(batch.events.len()));
            } else {
                let (part, answer) = unstored_events(&mut tx, batch, &mut lines).await?;
                parts.push(part);
                stored.push(answer);
            }
        }
        if !lines.is_empty() {
            batches::copy(&mut tx, &lines).await?;
        }
        self.write_derived(&mut tx, &parts, names).await?;
        tx.commit().await?;
        Ok(stored)
    }

    /// Writes the measurements, errors and counts of events. Rows that other writers wait for are locked last.
    async fn write_derived(
        &self,
        conn: &mut PgConnection,
        parts: &[NewEvents<'_>],
        names: &mut CardinalityLimiter,
    ) -> sqlx::Result<()> {
        let measured = measurement_rows(parts);
        if !measured.is_empty() {
            measurements::insert(conn, &measured).await?;
        }
        let reported = parts.iter().flat_map(|part| &part.events);
        let reported = reported.filter_map(|event| event.error.as_ref());
        let errors: Vec<&GroupedError> = self.errors.iter().copied().chain(reported).collect();
        if !errors.is_empty() {
            errors::record(conn, &errors, self.environment, names).await?;
        }
        if !measured.is_empty() {
            measurements::add(conn, &distribution(&measured, names)).await?;
        }
        let counts = counts(parts, names);
        if !counts.is_empty() {
            batches::add_counts(conn, &counts).await?;
        }
        Ok(())
    }
}

/// Finds the events of a repeated batch that are not stored yet.
async fn unstored_events<'a>(
    conn: &mut PgConnection,
    batch: &'a BatchRows,
    lines: &mut Vec<u8>,
) -> sqlx::Result<(NewEvents<'a>, CommitResult)> {
    let mut stored = batches::find_for_update(conn, batch).await?;
    let is_stored = |stored: &StoredBatch, index: i32| {
        index < stored.received && !stored.rejected.contains(&index)
    };
    let mut events = Vec::new();
    for (at, event) in batch.events.iter().enumerate() {
        if !is_stored(&stored, event.index) {
            lines.extend_from_slice(batch.line(at));
            events.push(event);
        }
    }
    if !events.is_empty() || batch.received > stored.received {
        let is_new = |index: i32| events.iter().any(|event| event.index == index);
        let all = stored.received.max(batch.received);
        let rejected = (0..all).filter(|index| !is_stored(&stored, *index) && !is_new(*index));
        stored.rejected = rejected.collect();
        stored.received = all;
        batches::update(conn, batch, &stored).await?;
    }
    let others = batches::other_events(conn, batch, &stored).await?;
    // Only of the events in this request; an earlier one may have had more.
    let persisted = (0..batch.received)
        .filter(|index| is_stored(&stored, *index) && !others.contains(index))
        .count();
    let answer = CommitResult {
        persisted,
        repeated: persisted - events.len(),
        refused: others.into_iter().map(place_taken).collect(),
    };
    Ok((NewEvents { batch, events }, answer))
}

fn place_taken(index: i32) -> RejectedEvent {
    RejectedEvent {
        index: usize::try_from(index).unwrap_or_default(),
        reason: RejectReason::BatchIdReused,
        detail:
            "a batch of this id has another event in this place; give every batch an id of its own"
                .to_owned(),
    }
}

fn measurement_rows<'a>(parts: &[NewEvents<'a>]) -> Vec<MeasurementRow<'a>> {
    let mut all = Vec::new();
    for part in parts {
        for event in &part.events {
            all.extend(event.measurements.iter().map(|measurement| MeasurementRow {
                batch: part.batch,
                correlation: &event.correlation,
                measurement,
            }));
        }
    }
    all
}

fn distribution(
    measured: &[MeasurementRow<'_>],
    names: &mut CardinalityLimiter,
) -> BTreeMap<BucketKey, BucketTotals> {
    let mut buckets = BTreeMap::new();
    for one in measured {
        let org_id = &one.batch.org_id;
        let (name, unit) = names.metric(org_id, &one.measurement.name, &one.measurement.unit);
        let value = one.measurement.value;
        // A distribution over different metrics would be meaningless.
        if name == OTHER {
            continue;
        }
        let Some(bucket) = bucket_of(value) else {
            continue;
        };
        let key = BucketKey {
            org_id: org_id.clone(),
            metric: name,
            unit,
            hour: hour_of(one.batch.created_at),
            bucket,
        };
        let before = buckets.get(&key).copied();
        buckets.insert(key, BucketTotals::add(before, value));
    }
    buckets
}

fn counts(parts: &[NewEvents<'_>], names: &mut CardinalityLimiter) -> HourlyCounts {
    let mut counts = HourlyCounts::new();
    for part in parts {
        let hour = hour_of(part.batch.created_at);
        for event in &part.events {
            let (event_type, version) =
                names.event_type(&part.batch.org_id, &event.kind, &event.version);
            let key = EventCountKey {
                org_id: part.batch.org_id.clone(),
                hour,
                event_type,
                version,
            };
            *counts.entry(key).or_default() += 1;
        }
    }
    counts
}

/// Finds the events of a batch that the database refuses, by trying each alone and rolling back. Returns the
/// batch without them.
pub async fn without_refused(
    conn: &mut PgConnection,
    batch: &BatchRows,
    environment: &str,
) -> sqlx::Result<(BatchRows, Vec<RejectedEvent>)> {
    let mut kept = BatchRows {
        lines: Vec::with_capacity(batch.lines.len()),
        events: Vec::with_capacity(batch.events.len()),
        ..batch.clone()
    };
    let mut refused = Vec::new();
    for (at, event) in batch.events.iter().enumerate() {
        let line = batch.line(at);
        let mut alone = event.clone();
        alone.end = line.len();
        let alone = BatchRows {
            lines: line.to_vec(),
            events: vec![alone],
            ..batch.clone()
        };
        match attempt(conn, &alone, environment).await {
            Ok(()) => {
                kept.lines.extend_from_slice(line);
                let end = kept.lines.len();
                kept.events.push(EventRow {
                    end,
                    ..event.clone()
                });
            }
            Err(error) if is_refusal(&error) => {
                tracing::warn!(%error, event.kind = %event.kind, "the database refused an event");
                kept.rejected.push(event.index);
                refused.push(RejectedEvent {
                    index: usize::try_from(event.index).unwrap_or_default(),
                    reason: RejectReason::Unstorable,
                    detail: "the database cannot store it".to_owned(),
                });
            }
            Err(error) => return Err(error),
        }
    }
    kept.rejected.sort_unstable();
    Ok((kept, refused))
}

/// Writes an event and rolls back.
async fn attempt(
    conn: &mut PgConnection,
    alone: &BatchRows,
    environment: &str,
) -> sqlx::Result<()> {
    let mut tx = conn.begin().await?;
    batches::copy(&mut tx, &alone.lines).await?;
    let flush = Flush {
        batches: &[],
        errors: &[],
        environment,
    };
    let part = NewEvents {
        batch: alone,
        events: alone.events.iter().collect(),
    };
    let written = flush
        .write_derived(&mut tx, &[part], &mut CardinalityLimiter::default())
        .await;
    tx.rollback().await?;
    written
}
