//! One transaction: batches as many as there are, and the errors of this server. All of it is
//! committed, or nothing.

use std::collections::BTreeMap;

use sqlx::{Connection, PgConnection};

use crate::platform::db::is_refusal;
use crate::telemetry::cardinality::{Cardinality, OTHER, hour_of};
use crate::telemetry::model::{Reason, Rejected, Stored};
use crate::telemetry::rates::sketch::bucket_of;
use crate::telemetry::rows::{EventRow, Grouped, Rows};
use crate::telemetry::store::batches::{self, Counts, Known};
use crate::telemetry::store::errors;
use crate::telemetry::store::measurements::{self, Bucket, Measured, Place};

/// What is written together.
pub struct Flush<'a> {
    /// Batches, in the order in which they came.
    pub batches: &'a [&'a Rows],
    /// Errors that no client reported.
    pub errors: &'a [&'a Grouped],
    /// Where this server runs.
    pub environment: &'a str,
}

/// Events of a batch that are to be written.
struct Part<'a> {
    batch: &'a Rows,
    events: Vec<&'a EventRow>,
}

impl Flush<'_> {
    /// Writes everything and commits. Answers with what became of each batch.
    pub async fn commit(
        &self,
        conn: &mut PgConnection,
        names: &mut Cardinality,
    ) -> sqlx::Result<Vec<Stored>> {
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
                parts.push(Part {
                    batch,
                    events: batch.events.iter().collect(),
                });
                stored.push(Stored {
                    persisted: batch.events.len(),
                    before: 0,
                    refused: Vec::new(),
                });
            } else {
                let (part, answer) = repeated(&mut tx, batch, &mut lines).await?;
                parts.push(part);
                stored.push(answer);
            }
        }
        if !lines.is_empty() {
            batches::copy(&mut tx, &lines).await?;
        }
        self.write_beside(&mut tx, &parts, names).await?;
        tx.commit().await?;
        Ok(stored)
    }

    /// Writes what belongs to the events beside their rows. What others wait for is locked last.
    async fn write_beside(
        &self,
        conn: &mut PgConnection,
        parts: &[Part<'_>],
        names: &mut Cardinality,
    ) -> sqlx::Result<()> {
        let measured = measured(parts);
        if !measured.is_empty() {
            measurements::insert(conn, &measured).await?;
        }
        let reported = parts.iter().flat_map(|part| &part.events);
        let reported = reported.filter_map(|event| event.error.as_ref());
        let errors: Vec<&Grouped> = self.errors.iter().copied().chain(reported).collect();
        if !errors.is_empty() {
            errors::record(conn, &errors, self.environment, names).await?;
        }
        if !measured.is_empty() {
            measurements::count(conn, &distribution(&measured, names)).await?;
        }
        let counts = counts(parts, names);
        if !counts.is_empty() {
            batches::count(conn, &counts).await?;
        }
        Ok(())
    }
}

/// What is new in a batch that was stored before.
async fn repeated<'a>(
    conn: &mut PgConnection,
    batch: &'a Rows,
    lines: &mut Vec<u8>,
) -> sqlx::Result<(Part<'a>, Stored)> {
    let mut known = batches::find_for_update(conn, batch).await?;
    let is_stored =
        |known: &Known, index: i32| index < known.received && !known.rejected.contains(&index);
    let mut events = Vec::new();
    for (at, event) in batch.events.iter().enumerate() {
        if !is_stored(&known, event.index) {
            lines.extend_from_slice(batch.line(at));
            events.push(event);
        }
    }
    if !events.is_empty() || batch.received > known.received {
        let is_new = |index: i32| events.iter().any(|event| event.index == index);
        let all = known.received.max(batch.received);
        let rejected = (0..all).filter(|index| !is_stored(&known, *index) && !is_new(*index));
        known.rejected = rejected.collect();
        known.received = all;
        batches::update(conn, batch, &known).await?;
    }
    // Of the events that this request has; an earlier one may have had more.
    let persisted = (0..batch.received)
        .filter(|index| is_stored(&known, *index))
        .count();
    let answer = Stored {
        persisted,
        before: persisted - events.len(),
        refused: Vec::new(),
    };
    Ok((Part { batch, events }, answer))
}

fn measured<'a>(parts: &[Part<'a>]) -> Vec<Measured<'a>> {
    let mut all = Vec::new();
    for part in parts {
        for event in &part.events {
            all.extend(event.measurements.iter().map(|measurement| Measured {
                batch: part.batch,
                thread: &event.thread,
                measurement,
            }));
        }
    }
    all
}

fn distribution(measured: &[Measured<'_>], names: &mut Cardinality) -> BTreeMap<Place, Bucket> {
    let mut buckets = BTreeMap::new();
    for one in measured {
        let org_id = &one.batch.org_id;
        let (name, unit) = names.metric(org_id, &one.measurement.name, &one.measurement.unit);
        let value = one.measurement.value;
        // The distribution of things that have nothing in common says nothing.
        if name == OTHER {
            continue;
        }
        let Some(bucket) = bucket_of(value) else {
            continue;
        };
        let place = (
            org_id.clone(),
            name,
            unit,
            hour_of(one.batch.created_at),
            bucket,
        );
        let before = buckets.get(&place).copied();
        buckets.insert(place, Bucket::add(before, value));
    }
    buckets
}

fn counts(parts: &[Part<'_>], names: &mut Cardinality) -> Counts {
    let mut counts = Counts::new();
    for part in parts {
        let hour = hour_of(part.batch.created_at);
        for event in &part.events {
            let (kind, version) = names.kind(&part.batch.org_id, &event.kind, &event.version);
            let key = (part.batch.org_id.clone(), hour, kind, version);
            *counts.entry(key).or_default() += 1;
        }
    }
    counts
}

/// Finds the events of a batch that the database refuses, by trying each of them alone, and answers
/// with the batch without them. Nothing is kept of the tries.
pub async fn without_refused(
    conn: &mut PgConnection,
    batch: &Rows,
    environment: &str,
) -> sqlx::Result<(Rows, Vec<Rejected>)> {
    let mut kept = Rows {
        lines: Vec::with_capacity(batch.lines.len()),
        events: Vec::with_capacity(batch.events.len()),
        ..batch.clone()
    };
    let mut refused = Vec::new();
    for (at, event) in batch.events.iter().enumerate() {
        let line = batch.line(at);
        let mut alone = event.clone();
        alone.end = line.len();
        let alone = Rows {
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
                refused.push(Rejected {
                    index: usize::try_from(event.index).unwrap_or_default(),
                    reason: Reason::Unstorable,
                    detail: "the database refuses what it holds".to_owned(),
                });
            }
            Err(error) => return Err(error),
        }
    }
    kept.rejected.sort_unstable();
    Ok((kept, refused))
}

/// Writes an event and takes it back.
async fn attempt(conn: &mut PgConnection, alone: &Rows, environment: &str) -> sqlx::Result<()> {
    let mut tx = conn.begin().await?;
    batches::copy(&mut tx, &alone.lines).await?;
    let flush = Flush {
        batches: &[],
        errors: &[],
        environment,
    };
    let part = Part {
        batch: alone,
        events: alone.events.iter().collect(),
    };
    let written = flush
        .write_beside(&mut tx, &[part], &mut Cardinality::default())
        .await;
    tx.rollback().await?;
    written
}
