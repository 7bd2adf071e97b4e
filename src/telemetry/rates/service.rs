//! Reads event rates and distributions of metrics.

use chrono::{DateTime, Utc};

use crate::auth::principal::Principal;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::telemetry::rates::error::Error;
use crate::telemetry::rates::model::{
    EventRates, Metric, Performance, Period, Point, RateFilter, Series, TimeRange,
};
use crate::telemetry::rates::sketch::QuantileSketch;
use crate::telemetry::rates::store;
use crate::telemetry::rates::store::BucketRow;

/// The service for rates and metrics; cheap to clone.
#[derive(Clone, Debug)]
pub struct RateService {
    db: Pool,
    clock: Clock,
}

impl RateService {
    /// A service on this database.
    pub fn new(db: Pool, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Returns the requested time range, which ends now by default.
    pub fn range(
        &self,
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
        by: Period,
    ) -> Result<TimeRange, Error> {
        Ok(TimeRange::new(since, until, by, self.clock.now())?)
    }

    /// Returns the event rates of the principal's organisation.
    pub async fn rates(
        &self,
        principal: &Principal,
        filter: &RateFilter,
        range: TimeRange,
    ) -> Result<EventRates, Error> {
        let mut conn = self.db.acquire().await?;
        let rows = store::rates(&mut conn, &principal.org_id, filter, range).await?;
        let found = rows.first().map_or(0, |row| row.series);
        let periods = range.times().len();
        let mut series: Vec<Series> = Vec::new();
        for row in rows {
            let version = (!row.version.is_empty()).then_some(row.version);
            let same =
                |last: &&mut Series| last.event_type == row.event_type && last.version == version;
            let index = range.index(row.time);
            let current = match series.last_mut().filter(same) {
                Some(current) => current,
                None => series.push_mut(Series {
                    event_type: row.event_type,
                    version,
                    events: row.all,
                    counts: vec![0; periods],
                }),
            };
            if let Some(count) = index.and_then(|index| current.counts.get_mut(index)) {
                *count = row.events;
            }
        }
        let shown = i64::try_from(series.len()).unwrap_or(i64::MAX);
        Ok(EventRates {
            series,
            left_out: found - shown,
        })
    }

    /// Returns the distributions of the metrics of the principal's organisation.
    pub async fn performance(
        &self,
        principal: &Principal,
        metric: Option<&str>,
        range: TimeRange,
    ) -> Result<Performance, Error> {
        let mut conn = self.db.acquire().await?;
        let rows = store::buckets(&mut conn, &principal.org_id, metric, range).await?;
        let found = rows.first().map_or(0, |row| row.metrics);
        let mut metrics: Vec<Metric> = Vec::new();
        for rows in rows.chunk_by(|a, b| (&a.name, &a.unit, a.time) == (&b.name, &b.unit, b.time)) {
            let Some((first, point)) = rows.first().zip(point(rows)) else {
                continue;
            };
            match metrics.last_mut() {
                Some(last) if (&last.name, &last.unit) == (&first.name, &first.unit) => {
                    last.points.push(point);
                }
                Some(_) | None => metrics.push(Metric {
                    name: first.name.clone(),
                    unit: first.unit.clone(),
                    points: vec![point],
                }),
            }
        }
        let shown = i64::try_from(metrics.len()).unwrap_or(i64::MAX);
        Ok(Performance {
            metrics,
            left_out: found - shown,
        })
    }
}

/// Merges the buckets of a period.
fn point(rows: &[BucketRow]) -> Option<Point> {
    let mut sketch = QuantileSketch::default();
    for row in rows {
        sketch.add(row.bucket, row.samples, row.total, (row.min, row.max));
    }
    Some(Point {
        time: rows.first()?.time,
        samples: sketch.samples(),
        p50: sketch.quantile(0.50)?,
        p95: sketch.quantile(0.95)?,
        p99: sketch.quantile(0.99)?,
        min: sketch.min()?,
        max: sketch.max()?,
        avg: sketch.mean()?,
    })
}
