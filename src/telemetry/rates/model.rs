//! Time ranges in hours or days, event rates, and distributions of metrics.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The most series of a response, those with the most events.
pub const MAX_SERIES: i64 = 50;
/// The most metrics of a response, those with the most samples.
pub const MAX_METRICS: i64 = 20;
/// The longest range by hour, in hours: a month.
const MAX_HOURS: i64 = 31 * 24;
/// The longest range by day, in days: a year, with room for comparisons.
const MAX_DAYS: i64 = 400;

/// Length of the periods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// Hours.
    #[default]
    Hour,
    /// Days in UTC.
    Day,
}

impl Period {
    /// The name in Postgres.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    fn length(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
        }
    }

    /// Default number of periods.
    fn default_count(self) -> i32 {
        match self {
            Self::Hour => 24,
            Self::Day => 14,
        }
    }

    fn max_count(self) -> i64 {
        match self {
            Self::Hour => MAX_HOURS,
            Self::Day => MAX_DAYS,
        }
    }
}

/// An invalid time range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeRangeError {
    /// The end is not after the start, or one of them is out of range.
    #[error("`until` must be after `since`, and both within the supported range of times")]
    Empty,
    /// The range has too many periods.
    #[error("`since` to `until` is longer than {most} {}s", .by.as_str())]
    TooLong {
        /// The most periods.
        most: i64,
        /// Length of the periods.
        by: Period,
    },
}

/// A range of whole hours or days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// Start of the first period.
    pub since: DateTime<Utc>,
    /// End of the last period.
    pub until: DateTime<Utc>,
    /// Length of the periods.
    pub by: Period,
}

impl TimeRange {
    /// Rounds a requested range to whole periods: the first contains `since`, the last contains `until`.
    pub fn new(
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
        by: Period,
        now: DateTime<Utc>,
    ) -> Result<Self, TimeRangeError> {
        let length = by.length();
        let start_of =
            |at: DateTime<Utc>| at.duration_trunc(length).map_err(|_| TimeRangeError::Empty);
        let end = until.unwrap_or(now);
        let mut until = start_of(end)?;
        if until < end {
            until = until
                .checked_add_signed(length)
                .ok_or(TimeRangeError::Empty)?;
        }
        let since = match since {
            Some(since) => start_of(since)?,
            None => until
                .checked_sub_signed(length * by.default_count())
                .ok_or(TimeRangeError::Empty)?,
        };
        let range = Self { since, until, by };
        match range.periods() {
            ..=0 => Err(TimeRangeError::Empty),
            count if count > by.max_count() => Err(TimeRangeError::TooLong {
                most: by.max_count(),
                by,
            }),
            _ => Ok(range),
        }
    }

    fn periods(self) -> i64 {
        (self.until - self.since).num_hours() / self.by.length().num_hours()
    }

    /// Returns the starts of the periods.
    pub fn times(self) -> Vec<DateTime<Utc>> {
        let steps = std::iter::successors(Some(self.since), |at| Some(*at + self.by.length()));
        steps.take_while(|at| *at < self.until).collect()
    }

    /// Returns the index of the period that starts at this moment.
    pub fn index(self, at: DateTime<Utc>) -> Option<usize> {
        let index = (at - self.since).num_hours() / self.by.length().num_hours();
        usize::try_from(index).ok()
    }
}

/// Events of a type from clients of a version, by period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = RateSeries)]
pub struct Series {
    /// Event type; `<other>` for types beyond the limit of an hour.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Version of the client; null if unknown.
    pub version: Option<String>,
    /// Number of events.
    pub events: i64,
    /// Number of events in each period.
    pub counts: Vec<i64>,
}

/// Event rates of a time range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRates {
    /// Series, those with the most events first.
    pub series: Vec<Series>,
    /// Number of series left out.
    pub left_out: i64,
}

/// Filter of event rates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateFilter {
    /// Event type.
    pub event_type: Option<String>,
    /// Version of the client; empty for unknown versions.
    pub version: Option<String>,
}

/// Distribution of a metric in a period.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = PerformancePoint)]
pub struct Point {
    /// Start of the period.
    pub time: DateTime<Utc>,
    /// Number of values.
    pub samples: i64,
    /// Median, within 2.5 %, as the other percentiles.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Minimum.
    pub min: f64,
    /// Maximum.
    pub max: f64,
    /// Mean.
    pub avg: f64,
}

/// A metric over time.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = PerformanceSeries)]
pub struct Metric {
    /// Name.
    pub name: String,
    /// Unit.
    pub unit: String,
    /// Periods with values.
    pub points: Vec<Point>,
}

/// Metrics of a time range.
#[derive(Clone, Debug, PartialEq)]
pub struct Performance {
    /// Metrics, by name.
    pub metrics: Vec<Metric>,
    /// Number of metrics left out.
    pub left_out: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_span_is_of_whole_periods_and_ends_with_the_present_one() {
        let now = at("2026-11-25T17:40:00Z");
        let hours = TimeRange::new(None, None, Period::Hour, now).unwrap();
        assert_eq!(hours.since, at("2026-11-24T18:00:00Z"));
        assert_eq!(hours.until, at("2026-11-25T18:00:00Z"));
        assert_eq!(hours.times().len(), 24);
        let days = TimeRange::new(None, None, Period::Day, now).unwrap();
        assert_eq!(days.since, at("2026-11-12T00:00:00Z"));
        assert_eq!(days.until, at("2026-11-26T00:00:00Z"));
        assert_eq!(
            (days.times().len(), days.index(days.times()[13])),
            (14, Some(13))
        );
        let (since, until) = (at("2026-11-25T10:59:00Z"), at("2026-11-25T12:00:00Z"));
        let named = TimeRange::new(Some(since), Some(until), Period::Hour, now).unwrap();
        assert_eq!(
            named.times(),
            [at("2026-11-25T10:00:00Z"), at("2026-11-25T11:00:00Z")]
        );
    }

    #[test]
    fn a_span_that_is_none_or_too_long_is_refused() {
        let now = at("2026-11-25T17:40:00Z");
        let range = |since: &str, until: Option<&str>, by| {
            TimeRange::new(Some(at(since)), until.map(at), by, now)
        };
        for (since, until) in [
            ("2026-11-25T18:00:00Z", None),
            ("2026-11-25T11:00:00Z", Some("2026-11-25T11:00:00Z")),
            ("2026-11-25T11:00:00Z", Some("2026-11-24T11:00:00Z")),
        ] {
            let refused = range(since, until, Period::Hour).unwrap_err();
            assert!(
                matches!(refused, TimeRangeError::Empty),
                "{since} {until:?}"
            );
        }
        let long = range("2026-10-25T16:59:59Z", None, Period::Hour).unwrap_err();
        assert_eq!(
            long.to_string(),
            "`since` to `until` is longer than 744 hours"
        );
        let long = range("2025-10-01T00:00:00Z", None, Period::Day).unwrap_err();
        assert_eq!(
            long.to_string(),
            "`since` to `until` is longer than 400 days"
        );
        assert!(range("2026-10-25T18:00:00Z", None, Period::Hour).is_ok());
        let beyond = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
        for moment in beyond {
            for by in [Period::Hour, Period::Day] {
                // No time panics.
                let _range = TimeRange::new(Some(moment), None, by, now);
                let _range = TimeRange::new(None, Some(moment), by, now);
                let _range = TimeRange::new(Some(beyond[0]), Some(moment), by, now);
            }
        }
    }
}
