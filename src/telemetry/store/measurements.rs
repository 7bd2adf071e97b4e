//! Measurements, and their distribution by the hour.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::telemetry::model::Measurement;
use crate::telemetry::rows::{Rows, Thread};

/// A measurement and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The batch that it came in.
    pub batch: &'a Rows,
    /// What it belongs to.
    pub thread: &'a Thread,
    /// The measurement.
    pub measurement: &'a Measurement,
}

/// Writes measurements.
pub async fn insert(conn: &mut PgConnection, rows: &[Measured<'_>]) -> sqlx::Result<()> {
    let text = |of: fn(&Measured<'_>) -> String| rows.iter().map(of).collect::<Vec<_>>();
    let optional =
        |of: fn(&Measured<'_>) -> Option<String>| rows.iter().map(of).collect::<Vec<_>>();
    let values: Vec<f64> = rows.iter().map(|row| row.measurement.value).collect();
    let runs: Vec<Option<Uuid>> = rows.iter().map(|row| row.thread.run_id).collect();
    let times: Vec<DateTime<Utc>> = rows.iter().map(|row| row.batch.created_at).collect();
    sqlx::query!(
        r#"
        insert into performance_metrics (
            org_id, user_id, metric_name, metric_type, value, unit, operation, component,
            session_id, trace_id, run_id, created_at
        )
        select * from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::uuid[], $12::timestamptz[]
        )
        "#,
        &text(|row| row.batch.org_id.clone()),
        &text(|row| row.batch.user_id.clone()),
        &text(|row| row.measurement.name.clone()),
        &text(|row| row.measurement.kind.clone()),
        &values,
        &text(|row| row.measurement.unit.clone()),
        &optional(|row| row.measurement.operation.clone()) as &[Option<String>],
        &optional(|row| row.measurement.component.clone()) as &[Option<String>],
        &optional(|row| row.thread.session_id.clone()) as &[Option<String>],
        &optional(|row| row.thread.trace_id.clone()) as &[Option<String>],
        &runs as &[Option<Uuid>],
        &times,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Where a value is counted: organisation, metric, unit, hour, bucket.
pub type Place = (String, String, String, DateTime<Utc>, i32);

/// The values of one bucket.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// How many.
    pub samples: i64,
    /// Their sum.
    pub total: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// Values beyond count as this much, so that no sum of them is too large for a number.
const MOST: f64 = 1e200;

impl Bucket {
    /// Adds a value to a bucket, which may be a new one.
    pub fn add(bucket: Option<Self>, value: f64) -> Self {
        let value = value.clamp(-MOST, MOST);
        let before = bucket.unwrap_or(Self {
            samples: 0,
            total: 0.0,
            min: value,
            max: value,
        });
        Self {
            samples: before.samples + 1,
            total: before.total + value,
            min: before.min.min(value),
            max: before.max.max(value),
        }
    }
}

/// Adds to the distributions; the map's order is the one in which rows are locked.
pub async fn count(conn: &mut PgConnection, buckets: &BTreeMap<Place, Bucket>) -> sqlx::Result<()> {
    let text = |of: fn(&Place) -> &str| {
        buckets
            .keys()
            .map(|place| of(place).to_owned())
            .collect::<Vec<_>>()
    };
    let float = |of: fn(&Bucket) -> f64| buckets.values().map(of).collect::<Vec<_>>();
    let hours: Vec<DateTime<Utc>> = buckets.keys().map(|place| place.3).collect();
    let numbers: Vec<i32> = buckets.keys().map(|place| place.4).collect();
    let samples: Vec<i64> = buckets.values().map(|bucket| bucket.samples).collect();
    sqlx::query!(
        r#"
        insert into performance_hours as old (
            org_id, metric_name, unit, hour, bucket, samples, total, min_value, max_value
        )
        select * from unnest(
            $1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::integer[], $6::bigint[],
            $7::float8[], $8::float8[], $9::float8[]
        )
        on conflict (org_id, metric_name, unit, hour, bucket) do update set
            samples = old.samples + excluded.samples,
            total = old.total + excluded.total,
            min_value = least(old.min_value, excluded.min_value),
            max_value = greatest(old.max_value, excluded.max_value)
        "#,
        &text(|place| &place.0),
        &text(|place| &place.1),
        &text(|place| &place.2),
        &hours,
        &numbers,
        &samples,
        &float(|bucket| bucket.total),
        &float(|bucket| bucket.min),
        &float(|bucket| bucket.max),
    )
    .execute(conn)
    .await
    .map(drop)
}
