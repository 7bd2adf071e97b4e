//! Distributions as counts of values by logarithmic bucket (`DDSketch`,
//! <https://www.vldb.org/pvldb/vol12/p2195-masson.pdf>): counts of any number of hours can be added
//! up, and a percentile of the sum is within 2.5 % of the true one.
//!
//! The view `performance_hourly` computes the same in SQL, so these numbers are part of the schema.

/// How much wider each bucket is than the one before it.
pub const GROWTH: f64 = 1.05;

/// What is added to the exponent of a bucket, so that the buckets of small values have a number
/// above zero too.
pub const OFFSET: i32 = 10_000;

/// The largest exponent. `GROWTH` to this power is about 10²¹¹; what is larger is counted there,
/// and what is smaller than its inverse in the first bucket.
const MAX_EXPONENT: i32 = OFFSET - 1;

/// The bucket of a value; none for what is no number or not finite.
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

/// The value that stands for all of a bucket: as far from its ends in proportion, so it is off by
/// 2.44 % at most.
pub fn value_of(bucket: i32) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let exponent = bucket.saturating_abs().saturating_sub(OFFSET);
    f64::from(bucket.signum()) * GROWTH.powi(exponent) * 2.0 / (1.0 + GROWTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
