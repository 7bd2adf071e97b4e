//! The distribution of times, in buckets that keep eight binary digits of each (as `HdrHistogram` does):
//! a percentile is at most 0.8 % too long, and never too short.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The binary digits of a value that are kept.
const KEPT_DIGITS: u32 = 8;

/// Counts of times by bucket. In JSON it is a list of pairs: the longest time of a bucket in microseconds,
/// and how many were in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct LatencyHistogram {
    buckets: BTreeMap<u64, u64>,
}

impl LatencyHistogram {
    /// Counts a time.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        *self.buckets.entry(longest_of_bucket(micros)).or_default() += 1;
    }

    /// Counts all that another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (longest, count) in &other.buckets {
            *self.buckets.entry(*longest).or_default() += count;
        }
    }

    /// The number of times that were counted.
    pub fn count(&self) -> u64 {
        self.buckets.values().sum()
    }

    /// The time that so many of a thousand did not exceed; none without any.
    pub fn at(&self, permille: u64) -> Option<Duration> {
        let rank = (self.count() * permille).div_ceil(1_000).max(1);
        let mut below = 0;
        let found = self.buckets.iter().find(|(_, count)| {
            below += **count;
            below >= rank
        });
        found.map(|(longest, _)| Duration::from_micros(*longest))
    }

    /// The same in milliseconds.
    pub fn millis_at(&self, permille: u64) -> Option<f64> {
        self.at(permille).map(|time| time.as_secs_f64() * 1e3)
    }
}

fn longest_of_bucket(micros: u64) -> u64 {
    let dropped = (u64::BITS - micros.leading_zeros()).saturating_sub(KEPT_DIGITS);
    micros | ((1_u64 << dropped) - 1)
}

impl From<Vec<(u64, u64)>> for LatencyHistogram {
    fn from(pairs: Vec<(u64, u64)>) -> Self {
        Self {
            buckets: pairs.into_iter().collect(),
        }
    }
}

impl From<LatencyHistogram> for Vec<(u64, u64)> {
    fn from(histogram: LatencyHistogram) -> Self {
        histogram.buckets.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(LatencyHistogram::default().at(500), None);
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut histogram = LatencyHistogram::default();
        for millis in [1, 1, 20, 300] {
            histogram.record(Duration::from_millis(millis));
        }
        let text = serde_json::to_string(&histogram).unwrap();
        let read: LatencyHistogram = serde_json::from_str(&text).unwrap();
        assert_eq!(read, histogram);
        assert_eq!(read.count(), 4);
    }

    proptest! {
        #[test]
        fn a_percentile_is_never_too_short_and_at_most_one_percent_too_long(
            mut micros in proptest::collection::vec(0_u64..10_000_000_000, 1..300),
            permille in 1_u64..=1_000,
        ) {
            let mut histogram = LatencyHistogram::default();
            for one in &micros {
                histogram.record(Duration::from_micros(*one));
            }
            micros.sort_unstable();
            let rank = (micros.len() * usize::try_from(permille).unwrap()).div_ceil(1_000).max(1);
            let exact = micros[rank - 1];
            let found = u64::try_from(histogram.at(permille).unwrap().as_micros()).unwrap();
            prop_assert!(found >= exact && found - exact <= exact / 100, "{exact} became {found}");
        }
    }
}
