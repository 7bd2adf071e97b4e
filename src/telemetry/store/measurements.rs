//! The SQL of measurements, and of their hourly distributions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::telemetry::model::Measurement;
use crate::telemetry::rows::{BatchRows, CorrelationIds};

/// A measurement and its context.
#[derive(Clone, Copy, Debug)]
pub struct MeasurementRow<'a> {
    /// Batch.
    pub batch: &'a BatchRows,
    /// Session, trace and run.
    pub correlation: &'a CorrelationIds,
    /// Measurement.
    pub measurement: &'a Measurement,
}

/// Inserts measurements.
pub async fn insert(conn: &mut PgConnection, rows: &[MeasurementRow<'_>]) -> sqlx::Result<()> {
    let text = |of: fn(&MeasurementRow<'_>) -> String| rows.iter().map(of).collect::<Vec<_>>();
    let optional =
        |of: fn(&MeasurementRow<'_>) -> Option<String>| rows.iter().map(of).collect::<Vec<_>>();
    let values: Vec<f64> = rows.iter().map(|row| row.measurement.value).collect();
    let runs: Vec<Option<Uuid>> = rows.iter().map(|row| row.correlation.run_id).collect();
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
        &optional(|row| row.correlation.session_id.clone()) as &[Option<String>],
        &optional(|row| row.correlation.trace_id.clone()) as &[Option<String>],
        &runs as &[Option<Uuid>],
        &times,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The row of a bucket. Rows are locked in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketKey {
    /// Organisation.
    pub org_id: String,
    /// Metric.
    pub metric: String,
    /// Unit.
    pub unit: String,
    /// Start of the hour.
    pub hour: DateTime<Utc>,
    /// Number of the bucket.
    pub bucket: i32,
}

/// Totals of the values in a bucket.
#[derive(Clone, Copy, Debug)]
pub struct BucketTotals {
    /// Number of values.
    pub samples: i64,
    /// Sum.
    pub total: f64,
    /// Minimum.
    pub min: f64,
    /// Maximum.
    pub max: f64,
}

/// Larger values are clamped to this, so that their sum does not overflow.
const MAX_VALUE: f64 = 1e200;

impl BucketTotals {
    /// Adds a value to the totals, if there are any.
    pub fn add(before: Option<Self>, value: f64) -> Self {
        let value = value.clamp(-MAX_VALUE, MAX_VALUE);
        let before = before.unwrap_or(Self {
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

/// Adds to the hourly distributions.
pub async fn add(
    conn: &mut PgConnection,
    buckets: &BTreeMap<BucketKey, BucketTotals>,
) -> sqlx::Result<()> {
    let text = |of: fn(&BucketKey) -> &str| {
        buckets
            .keys()
            .map(|key| of(key).to_owned())
            .collect::<Vec<_>>()
    };
    let float = |of: fn(&BucketTotals) -> f64| buckets.values().map(of).collect::<Vec<_>>();
    let hours: Vec<DateTime<Utc>> = buckets.keys().map(|key| key.hour).collect();
    let numbers: Vec<i32> = buckets.keys().map(|key| key.bucket).collect();
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
        &text(|key| &key.org_id),
        &text(|key| &key.metric),
        &text(|key| &key.unit),
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
