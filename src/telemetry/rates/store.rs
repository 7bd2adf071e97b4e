//! The SQL of rates and measurements.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::platform::ids::OrgId;
use crate::telemetry::rates::model::{MAX_METRICS, MAX_SERIES, RateFilter, Span};

/// Events of a type and a version in a period; `series` is how many of both there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateRow {
    /// The type.
    pub event_type: String,
    /// The version; empty when the client did not say.
    pub version: String,
    /// When the period began.
    pub time: DateTime<Utc>,
    /// How many.
    pub events: i64,
    /// All of the series.
    pub all: i64,
    /// How many series there are in the span.
    pub series: i64,
}

/// The events of a span, those of the largest series first.
pub async fn rates(
    conn: &mut PgConnection,
    org_id: &OrgId,
    filter: &RateFilter,
    span: Span,
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
        span.since,
        span.until,
        filter.event_type,
        filter.version,
        span.by.as_str(),
        MAX_SERIES,
    )
    .fetch_all(conn)
    .await
}

/// A bucket of a metric in a period; `metrics` is how many metrics there are.
#[derive(Clone, Debug, PartialEq)]
pub struct BucketRow {
    /// The metric.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// When the period began.
    pub time: DateTime<Utc>,
    /// The bucket.
    pub bucket: i32,
    /// How many values it holds.
    pub samples: i64,
    /// Their sum.
    pub total: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// How many metrics there are in the span.
    pub metrics: i64,
}

/// The buckets of a span, in the order of metric, time and bucket; those of the metrics with the most
/// samples, or of one.
pub async fn buckets(
    conn: &mut PgConnection,
    org_id: &OrgId,
    metric: Option<&str>,
    span: Span,
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
        span.since,
        span.until,
        metric,
        span.by.as_str(),
        MAX_METRICS,
    )
    .fetch_all(conn)
    .await
}
