//! Spans of time in hours or days, and what is told about them.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The most series of rates in an answer, those with the most events.
pub const MAX_SERIES: i64 = 50;
/// The most metrics in an answer, those with the most samples.
pub const MAX_METRICS: i64 = 20;
/// The longest span by hour, in hours: a month.
const MAX_HOURS: i64 = 31 * 24;
/// The longest span by day, in days: a year and what is needed to compare it.
const MAX_DAYS: i64 = 400;

/// What is added up.
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
    /// The name, as Postgres knows it.
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

    /// How many are told when nobody says.
    fn usual(self) -> i32 {
        match self {
            Self::Hour => 24,
            Self::Day => 14,
        }
    }

    fn most(self) -> i64 {
        match self {
            Self::Hour => MAX_HOURS,
            Self::Day => MAX_DAYS,
        }
    }
}

/// The span is none, or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// The end is not after the beginning, or one of them is no time that rows can have.
    #[error("`until` is after `since`, and both are times of this era")]
    NoSpan,
    /// There would be too many periods.
    #[error("`since` to `until` is longer than {most} {}s", .by.as_str())]
    TooLong {
        /// The most.
        most: i64,
        /// Of which.
        by: Period,
    },
}

/// Whole hours or days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The beginning of the first.
    pub since: DateTime<Utc>,
    /// The end of the last.
    pub until: DateTime<Utc>,
    /// Which of the two.
    pub by: Period,
}

impl Span {
    /// What a client asks for, brought to whole periods: the one that `since` lies in is the first,
    /// and the one that `until` lies in is the last.
    pub fn new(
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
        by: Period,
        now: DateTime<Utc>,
    ) -> Result<Self, SpanError> {
        let length = by.length();
        let begun = |at: DateTime<Utc>| at.duration_trunc(length).map_err(|_| SpanError::NoSpan);
        let end = until.unwrap_or(now);
        let mut until = begun(end)?;
        if until < end {
            until = until.checked_add_signed(length).ok_or(SpanError::NoSpan)?;
        }
        let since = match since {
            Some(since) => begun(since)?,
            None => until
                .checked_sub_signed(length * by.usual())
                .ok_or(SpanError::NoSpan)?,
        };
        let span = Self { since, until, by };
        match span.periods() {
            ..=0 => Err(SpanError::NoSpan),
            count if count > by.most() => Err(SpanError::TooLong {
                most: by.most(),
                by,
            }),
            _ => Ok(span),
        }
    }

    fn periods(self) -> i64 {
        (self.until - self.since).num_hours() / self.by.length().num_hours()
    }

    /// The beginnings of its periods.
    pub fn times(self) -> Vec<DateTime<Utc>> {
        let steps = std::iter::successors(Some(self.since), |at| Some(*at + self.by.length()));
        steps.take_while(|at| *at < self.until).collect()
    }

    /// Which of its periods begins at this moment.
    pub fn index(self, at: DateTime<Utc>) -> Option<usize> {
        let index = (at - self.since).num_hours() / self.by.length().num_hours();
        usize::try_from(index).ok()
    }
}

/// How often events of a type came from clients of a version, in each period of a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = RateSeries)]
pub struct Series {
    /// The type; `<other>` for those beyond the first few hundred of an hour.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The client's version; null when it did not say.
    pub version: Option<String>,
    /// All of them.
    pub events: i64,
    /// Those of each period.
    pub counts: Vec<i64>,
}

/// The rates of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// The series, those with the most events first.
    pub series: Vec<Series>,
    /// How many series are left out.
    pub left_out: i64,
}

/// Which rates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateFilter {
    /// Of this type alone.
    pub event_type: Option<String>,
    /// Of this version alone; the empty one is that of clients that did not say.
    pub version: Option<String>,
}

/// How a metric was distributed in a period.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = PerformancePoint)]
pub struct Point {
    /// When the period began.
    pub time: DateTime<Utc>,
    /// How many values there are.
    pub samples: i64,
    /// Half of them are no larger; within 2.5 %, as the other two.
    pub p50: f64,
    /// 95 % of them are no larger.
    pub p95: f64,
    /// 99 % of them are no larger.
    pub p99: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Their mean.
    pub avg: f64,
}

/// A metric over time.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = PerformanceSeries)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// The periods in which there are values.
    pub points: Vec<Point>,
}

/// What was measured in a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Performance {
    /// The metrics, by name.
    pub metrics: Vec<Metric>,
    /// How many metrics are left out.
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
        let hours = Span::new(None, None, Period::Hour, now).unwrap();
        assert_eq!(hours.since, at("2026-11-24T18:00:00Z"));
        assert_eq!(hours.until, at("2026-11-25T18:00:00Z"));
        assert_eq!(hours.times().len(), 24);
        let days = Span::new(None, None, Period::Day, now).unwrap();
        assert_eq!(days.since, at("2026-11-12T00:00:00Z"));
        assert_eq!(days.until, at("2026-11-26T00:00:00Z"));
        assert_eq!(
            (days.times().len(), days.index(days.times()[13])),
            (14, Some(13))
        );
        let (since, until) = (at("2026-11-25T10:59:00Z"), at("2026-11-25T12:00:00Z"));
        let named = Span::new(Some(since), Some(until), Period::Hour, now).unwrap();
        assert_eq!(
            named.times(),
            [at("2026-11-25T10:00:00Z"), at("2026-11-25T11:00:00Z")]
        );
    }

    #[test]
    fn a_span_that_is_none_or_too_long_is_refused() {
        let now = at("2026-11-25T17:40:00Z");
        let span = |since: &str, until: Option<&str>, by| {
            Span::new(Some(at(since)), until.map(at), by, now)
        };
        for (since, until) in [
            ("2026-11-25T18:00:00Z", None),
            ("2026-11-25T11:00:00Z", Some("2026-11-25T11:00:00Z")),
            ("2026-11-25T11:00:00Z", Some("2026-11-24T11:00:00Z")),
        ] {
            let refused = span(since, until, Period::Hour).unwrap_err();
            assert!(matches!(refused, SpanError::NoSpan), "{since} {until:?}");
        }
        let long = span("2026-10-25T16:59:59Z", None, Period::Hour).unwrap_err();
        assert_eq!(
            long.to_string(),
            "`since` to `until` is longer than 744 hours"
        );
        let long = span("2025-10-01T00:00:00Z", None, Period::Day).unwrap_err();
        assert_eq!(
            long.to_string(),
            "`since` to `until` is longer than 400 days"
        );
        assert!(span("2026-10-25T18:00:00Z", None, Period::Hour).is_ok());
        let beyond = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
        for moment in beyond {
            for by in [Period::Hour, Period::Day] {
                // What matters is that it answers.
                let _span = Span::new(Some(moment), None, by, now);
                let _span = Span::new(None, Some(moment), by, now);
                let _span = Span::new(Some(beyond[0]), Some(moment), by, now);
            }
        }
    }
}
