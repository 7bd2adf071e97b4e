//! Telling rates, and how measurements were distributed.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::auth::principal::Principal;
use crate::platform::clock::Clock;
use crate::telemetry::rates::error::Error;
use crate::telemetry::rates::model::{
    Metric, Performance, Period, Point, RateFilter, Rates, Series, Span,
};
use crate::telemetry::rates::sketch::Sketch;
use crate::telemetry::rates::store::{self, BucketRow};

/// The rates of all organisations; cheap to clone.
#[derive(Clone, Debug)]
pub struct RateService {
    db: PgPool,
    clock: Clock,
}

impl RateService {
    /// Over a database.
    pub fn new(db: PgPool, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// The span that a client asks for, which ends now unless it says otherwise.
    pub fn span(
        &self,
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
        by: Period,
    ) -> Result<Span, Error> {
        Ok(Span::new(since, until, by, self.clock.now())?)
    }

    /// How often events came in the principal's organisation.
    pub async fn rates(
        &self,
        principal: &Principal,
        filter: &RateFilter,
        span: Span,
    ) -> Result<Rates, Error> {
        let mut conn = self.db.acquire().await?;
        let rows = store::rates(&mut conn, &principal.org_id, filter, span).await?;
        let found = rows.first().map_or(0, |row| row.series);
        let periods = span.times().len();
        let mut series: Vec<Series> = Vec::new();
        for row in rows {
            let version = (!row.version.is_empty()).then_some(row.version);
            let same =
                |last: &&mut Series| last.event_type == row.event_type && last.version == version;
            let index = span.index(row.time);
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
        let told = i64::try_from(series.len()).unwrap_or(i64::MAX);
        Ok(Rates {
            series,
            left_out: found - told,
        })
    }

    /// How what clients of the principal's organisation measured was distributed.
    pub async fn performance(
        &self,
        principal: &Principal,
        metric: Option<&str>,
        span: Span,
    ) -> Result<Performance, Error> {
        let mut conn = self.db.acquire().await?;
        let rows = store::buckets(&mut conn, &principal.org_id, metric, span).await?;
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
        let told = i64::try_from(metrics.len()).unwrap_or(i64::MAX);
        Ok(Performance {
            metrics,
            left_out: found - told,
        })
    }
}

/// What the buckets of one period say.
fn point(rows: &[BucketRow]) -> Option<Point> {
    let mut sketch = Sketch::default();
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
