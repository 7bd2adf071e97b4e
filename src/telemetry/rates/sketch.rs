//! Distributions as counts of values by logarithmic bucket (`DDSketch`,
//! <https://www.vldb.org/pvldb/vol12/p2195-masson.pdf>): counts of any number of hours can be added
//! up, and a percentile of the sum is within 2.5 % of the true one.
//!
//! The view `performance_hourly` computes the same in SQL, so these numbers are part of the schema.

/// Ratio of the width of a bucket to that of the one before.
pub const GROWTH: f64 = 1.05;

/// Offset of the exponents, so that buckets of small values have positive numbers too.
pub const OFFSET: i32 = 10_000;

/// The largest exponent. `GROWTH` to this power is about 10²¹¹; larger values are counted there, and values
/// below its inverse in the first bucket.
const MAX_EXPONENT: i32 = OFFSET - 1;

/// Returns the bucket of a value; none for `NaN` and infinities.
///
/// Buckets order as values do: 0 holds zeros; `OFFSET + k` holds values in (1.05^(k−1), 1.05^k], and
/// `-(OFFSET + k)` those of the same size below zero.
pub fn bucket_of(value: f64) -> Option<i32> {
    if !value.is_finite() {
        return None;
    }
    if value == 0.0 {
        return Some(0);
    }
    let limit = f64::from(MAX_EXPONENT);
    let exponent = (value.abs().ln() / GROWTH.ln()).ceil().clamp(-limit, limit);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number between two that fit"
    )]
    let bucket = OFFSET + exponent as i32;
    Some(if value < 0.0 { -bucket } else { bucket })
}

/// Returns the representative value of a bucket, with the same relative distance to both ends: off by
/// 2.44 % at most.
pub fn value_of(bucket: i32) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let exponent = bucket.saturating_abs().saturating_sub(OFFSET);
    f64::from(bucket.signum()) * GROWTH.powi(exponent) * 2.0 / (1.0 + GROWTH)
}

/// A distribution, built bucket by bucket in ascending order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuantileSketch {
    buckets: Vec<(i32, i64)>,
    samples: i64,
    total: f64,
    ends: Option<(f64, f64)>,
}

impl QuantileSketch {
    /// Adds a bucket: the number of its values, their sum, minimum and maximum. Buckets must be added in
    /// ascending order.
    pub fn add(&mut self, bucket: i32, samples: i64, total: f64, (min, max): (f64, f64)) {
        self.buckets.push((bucket, samples));
        self.samples = self.samples.saturating_add(samples);
        self.total += total;
        self.ends = Some(match self.ends {
            Some((low, high)) => (low.min(min), high.max(max)),
            None => (min, max),
        });
    }

    /// Returns the number of values.
    pub fn samples(&self) -> i64 {
        self.samples
    }

    /// Returns the minimum.
    pub fn min(&self) -> Option<f64> {
        self.ends.map(|(min, _)| min)
    }

    /// Returns the maximum.
    pub fn max(&self) -> Option<f64> {
        self.ends.map(|(_, max)| max)
    }

    /// Returns the mean.
    pub fn mean(&self) -> Option<f64> {
        (self.samples > 0).then(|| self.total / as_float(self.samples))
    }

    /// Returns a quantile, within 2.5 % and never outside the minimum and maximum.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let (min, max) = self.ends?;
        let wanted = part * as_float(self.samples);
        let mut below = 0;
        let found = self.buckets.iter().find(|(_, samples)| {
            below += samples;
            as_float(below) >= wanted
        });
        let (bucket, _) = found.or(self.buckets.last())?;
        Some(value_of(*bucket).max(min).min(max))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
fn as_float(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_has_no_quantile_and_no_mean() {
        let nothing = QuantileSketch::default();
        assert_eq!(
            (nothing.quantile(0.5), nothing.mean(), nothing.min()),
            (None, None, None)
        );
    }

    #[test]
    fn zero_and_what_is_no_number_have_their_own_answers() {
        assert_eq!(bucket_of(0.0), Some(0));
        assert_eq!(bucket_of(-0.0), Some(0));
        assert_eq!(value_of(0).to_bits(), 0.0_f64.to_bits());
        for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(bucket_of(none), None);
        }
    }

    #[test]
    fn values_beyond_the_last_bucket_are_counted_in_it() {
        assert_eq!(bucket_of(f64::MAX), Some(19_999));
        assert_eq!(bucket_of(f64::MIN), Some(-19_999));
        assert_eq!(bucket_of(f64::MIN_POSITIVE), Some(1));
        assert_eq!(bucket_of(-f64::MIN_POSITIVE / 4.0), Some(-1));
        for bucket in [i32::MIN, -19_999, -1, 1, 19_999] {
            assert!(value_of(bucket).is_finite() || bucket == i32::MIN);
        }
    }

    #[test]
    fn one_is_the_upper_end_of_its_bucket() {
        assert_eq!(bucket_of(1.0), Some(OFFSET));
        assert_eq!(bucket_of(1.000_001), Some(OFFSET + 1));
        assert_eq!(bucket_of(-1.0), Some(-OFFSET));
    }

    /// Values of every size that has a bucket of its own, on both sides of zero.
    fn values() -> impl Strategy<Value = f64> {
        (-200.0..200.0_f64, any::<bool>()).prop_map(|(exponent, negative)| {
            let size = 10_f64.powf(exponent);
            if negative { -size } else { size }
        })
    }

    proptest! {
        #[test]
        fn a_bucket_stands_for_its_values_within_two_and_a_half_percent(value in values()) {
            let found = value_of(bucket_of(value).unwrap());
            prop_assert!((found - value).abs() <= 0.025 * value.abs(), "{value} became {found}");
        }

        #[test]
        fn a_quantile_is_within_two_and_a_half_percent(
            mut values in proptest::collection::vec(values(), 1..200),
            part in 0.01..1.0_f64,
        ) {
            values.sort_by(f64::total_cmp);
            let mut sketch = QuantileSketch::default();
            for group in values.chunk_by(|a, b| bucket_of(*a) == bucket_of(*b)) {
                let bucket = bucket_of(group[0]).unwrap();
                let ends = (group[0], group[group.len() - 1]);
                sketch.add(bucket, i64::try_from(group.len()).unwrap(), group.iter().sum(), ends);
            }
            let count = as_float(sketch.samples());
            let rank = (0..values.len()).find(|n| as_float(i64::try_from(n + 1).unwrap()) >= part * count);
            let exact = values[rank.unwrap()];
            let found = sketch.quantile(part).unwrap();
            prop_assert!((found - exact).abs() <= 0.025 * exact.abs(), "{exact} became {found}");
            prop_assert!(sketch.min() <= Some(found) && Some(found) <= sketch.max());
        }

        #[test]
        fn buckets_order_as_values_do(a in values(), b in values()) {
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            prop_assert!(bucket_of(low).unwrap() <= bucket_of(high).unwrap());
        }

        #[test]
        fn the_value_of_a_bucket_lies_in_it(bucket in 1..20_000_i32, negative: bool) {
            let bucket = if negative { -bucket } else { bucket };
            prop_assert_eq!(bucket_of(value_of(bucket)), Some(bucket));
        }
    }
}
