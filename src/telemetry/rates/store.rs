//! The SQL of event rates and metrics.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::platform::ids::OrgId;
use crate::telemetry::rates::model::{MAX_METRICS, MAX_SERIES, RateFilter, TimeRange};

/// Events of a type and version in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateRow {
    /// Event type.
    pub event_type: String,
    /// Version; empty if unknown.
    pub version: String,
    /// Start of the period.
    pub time: DateTime<Utc>,
    /// Number of events.
    pub events: i64,
    /// Number of events of the series in the range.
    pub all: i64,
    /// Number of series in the range.
    pub series: i64,
}

/// Returns the events of a time range, those of the largest series first.
pub async fn rates(
    conn: &mut PgConnection,
    org_id: &OrgId,
    filter: &RateFilter,
    range: TimeRange,
) -> sqlx::Result<Vec<RateRow>> {
    sqlx::query_as!(
        RateRow,
        r#"with counted as (
             select event_type, source_version, date_trunc($6, hour, 'UTC') as time,
                    sum(events)::bigint as events
             from telemetry_hours
             where org_id = $1 and hour >= $2 and hour < $3
               and ($4::text is null or event_type = $4)
               and ($5::text is null or source_version = $5)
             group by 1, 2, 3
           ), largest as (
             select event_type, source_version, sum(events)::bigint as all_events,
                    count(*) over () as series
             from counted group by 1, 2
             order by all_events desc, event_type, source_version limit $7
           )
           select event_type, source_version as version, time as "time!", events as "events!",
                  all_events as "all!", series as "series!"
           from counted join largest using (event_type, source_version)
           order by all_events desc, event_type, source_version, time"#,
        org_id as &OrgId,
        range.since,
        range.until,
        filter.event_type,
        filter.version,
        range.by.as_str(),
        MAX_SERIES,
    )
    .fetch_all(conn)
    .await
}

/// A bucket of a metric in a period.
#[derive(Clone, Debug, PartialEq)]
pub struct BucketRow {
    /// Metric.
    pub name: String,
    /// Unit.
    pub unit: String,
    /// Start of the period.
    pub time: DateTime<Utc>,
    /// Number of the bucket.
    pub bucket: i32,
    /// Number of values.
    pub samples: i64,
    /// Sum.
    pub total: f64,
    /// Minimum.
    pub min: f64,
    /// Maximum.
    pub max: f64,
    /// Number of metrics in the range.
    pub metrics: i64,
}

/// Returns the buckets of a time range, by metric, time and bucket: those of the metrics with the most
/// samples, or of one metric.
pub async fn buckets(
    conn: &mut PgConnection,
    org_id: &OrgId,
    metric: Option<&str>,
    range: TimeRange,
) -> sqlx::Result<Vec<BucketRow>> {
    sqlx::query_as!(
        BucketRow,
        r#"with measured as (
             select metric_name, unit, sum(samples) as samples, count(*) over () as metrics
             from performance_hours
             where org_id = $1 and hour >= $2 and hour < $3
               and ($4::text is null or metric_name = $4)
             group by 1, 2
             order by samples desc, metric_name, unit limit $6
           )
           select metric_name as name, unit, date_trunc($5, hour, 'UTC') as "time!", bucket,
                  sum(p.samples)::bigint as "samples!", sum(total) as "total!",
                  min(min_value) as "min!", max(max_value) as "max!", min(metrics) as "metrics!"
           from performance_hours p join measured using (metric_name, unit)
           where org_id = $1 and hour >= $2 and hour < $3
           group by metric_name, unit, 3, bucket
           order by metric_name, unit, 3, bucket"#,
        org_id as &OrgId,
        range.since,
        range.until,
        metric,
        range.by.as_str(),
        MAX_METRICS,
    )
    .fetch_all(conn)
    .await
}
