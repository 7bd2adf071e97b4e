//! Beta posteriors of acceptance over a uniform prior, and the weights of weeks.

use std::sync::LazyLock;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use statrs::function::beta::checked_beta_reg;

use crate::feedback::learning::tallies::{VoteCounts, WEIGHT_ONE, WeekWeights};

/// Weeks after which a vote has half its weight.
pub const HALF_LIFE_WEEKS: f64 = 8.0;

/// Points at which densities are compared. The probability is right to three digits up to
/// [`NORMAL_FROM`] votes.
const POINTS: usize = 256;
/// Votes of both sides from which the normal approximation is as good.
const NORMAL_FROM: f64 = 4_000.0;
/// Bisections that narrow a quantile down to a millionth.
const BISECTIONS: u32 = 20;

/// Logarithms of each point and of its complement.
static LOGS: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| {
    let mut at = 0.5 / f64::from(u16::try_from(POINTS).unwrap_or(u16::MAX));
    let step = at * 2.0;
    let mut logs = Vec::with_capacity(POINTS);
    for _ in 0..POINTS {
        logs.push((at.ln(), (1.0 - at).ln()));
        at += step;
    }
    logs
});

/// The posterior Beta distribution of an acceptance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    /// One more than the votes for.
    a: f64,
    /// One more than the votes against.
    b: f64,
}

/// An interval of probabilities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Posterior {
    /// The posterior after these votes.
    pub fn of(votes: VoteCounts) -> Self {
        Self {
            a: 1.0 + votes.accepted.max(0.0),
            b: 1.0 + votes.rejected.max(0.0),
        }
    }

    /// Returns the mean.
    pub fn mean(self) -> f64 {
        self.a / (self.a + self.b)
    }

    /// Returns the variance.
    pub fn variance(self) -> f64 {
        let total = self.a + self.b;
        self.a * self.b / (total * total * (total + 1.0))
    }

    /// Returns the probability that the acceptance is below `x`, the cumulative distribution function.
    pub fn below(self, x: f64) -> f64 {
        checked_beta_reg(self.a, self.b, x.clamp(0.0, 1.0)).unwrap_or(0.5)
    }

    /// Returns a quantile: the regularised incomplete beta function, inverted by bisection, which unlike
    /// Newton's method always converges.
    pub fn quantile(self, probability: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..BISECTIONS {
            let middle = f64::midpoint(low, high);
            if self.below(middle) < probability {
                low = middle;
            } else {
                high = middle;
            }
        }
        f64::midpoint(low, high)
    }

    /// Returns the 90 % credible interval.
    pub fn interval(self) -> Interval {
        Interval {
            low: self.quantile(0.05),
            high: self.quantile(0.95),
        }
    }

    /// Returns the probability that this acceptance is above another.
    ///
    /// Computed by the midpoint rule over [`POINTS`] points: both densities are bounded, since no parameter
    /// is below one. With so many votes that a density falls between two points, by the normal approximation
    /// of the difference.
    pub fn above(self, other: Self) -> f64 {
        if self.a + self.b + other.a + other.b > NORMAL_FROM {
            let spread = (self.variance() + other.variance()).sqrt();
            return normal_cdf((self.mean() - other.mean()) / spread);
        }
        let (ours, theirs) = (self.densities(), other.densities());
        let (mut all_ours, mut all_theirs, mut both) = (0.0, 0.0, 0.0);
        for (our, their) in ours.zip(theirs) {
            // Half of a point's own width lies below its middle.
            both += our * (all_theirs + their / 2.0);
            all_ours += our;
            all_theirs += their;
        }
        (both / (all_ours * all_theirs)).clamp(0.0, 1.0)
    }

    /// Returns the density at the points, relative to the mode.
    fn densities(self) -> impl Iterator<Item = f64> {
        let (a, b) = (self.a - 1.0, self.b - 1.0);
        let log = move |(x, rest): &(f64, f64)| a * x + b * rest;
        let top = if a + b > 0.0 {
            let mode = (a / (a + b)).clamp(1e-9, 1.0 - 1e-9);
            a * mode.ln() + b * (1.0 - mode).ln()
        } else {
            0.0
        };
        LOGS.iter().map(move |at| (log(at) - top).exp())
    }
}

/// Returns the standard normal distribution function, by approximation 26.2.17 of Abramowitz and Stegun,
/// Handbook of Mathematical Functions, which is right to seven digits.
pub fn normal_cdf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let tail = [
        1.330_274_429,
        -1.821_255_978,
        1.781_477_937,
        -0.356_563_782,
        0.319_381_530,
    ]
    .iter()
    .fold(0.0, |sum, factor| (sum + factor) * t)
        * (-x * x / 2.0).exp()
        / (2.0 * std::f64::consts::PI).sqrt();
    if x >= 0.0 { 1.0 - tail } else { tail }
}

/// Returns the 95 % Wilson score interval of the acceptance (E. B. Wilson, Probable Inference, the Law of
/// Succession, and Statistical Inference, 1927). It needs no prior, which would widen it for few votes.
pub fn wilson(votes: VoteCounts) -> Interval {
    const Z: f64 = 1.96;
    let n = votes.total();
    if n <= 0.0 {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    let share = votes.accepted / n;
    let middle = share + Z * Z / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let whole = 1.0 + Z * Z / n;
    Interval {
        low: ((middle - spread) / whole).max(0.0),
        high: ((middle + spread) / whole).min(1.0),
    }
}

/// Returns the weeks within the look-back with their weights. Ages are whole weeks, so the same day always
/// gives the same weights.
pub fn week_weights(now: DateTime<Utc>, lookback_days: u32) -> WeekWeights {
    let today = now.date_naive();
    let oldest = today
        .checked_sub_days(Days::new(lookback_days.into()))
        .unwrap_or(today);
    let mut week = monday(today);
    let mut found = WeekWeights::default();
    let mut weight = 1.0;
    // A week that is partly within the look-back counts.
    while week >= monday(oldest) {
        found.weeks.push(week);
        found.weights.push(parts(weight));
        weight *= (-std::f64::consts::LN_2 / HALF_LIFE_WEEKS).exp();
        let Some(before) = week.checked_sub_days(Days::new(7)) else {
            break;
        };
        week = before;
    }
    found
}

fn monday(day: NaiveDate) -> NaiveDate {
    let since = u64::from(day.weekday().num_days_from_monday());
    day.checked_sub_days(Days::new(since)).unwrap_or(day)
}

/// Returns a weight in parts of [`WEIGHT_ONE`].
fn parts(weight: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a weight lies between 0 and 1, and one is 2^20"
    )]
    let parts = (weight * WEIGHT_ONE as f64).round() as i64;
    parts
}

/// Rounds to three digits, so that stored numbers do not depend on the order of an addition.
pub fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Interval, Posterior, normal_cdf, week_weights, wilson};
    use crate::feedback::learning::tallies::VoteCounts;

    fn votes(accepted: f64, rejected: f64) -> VoteCounts {
        VoteCounts { accepted, rejected }
    }

    fn of(accepted: f64, rejected: f64) -> Posterior {
        Posterior::of(votes(accepted, rejected))
    }

    #[test]
    fn the_probability_of_being_better_is_the_exact_one() {
        // For whole numbers it is a share of binomials: three for against three against is
        // 1 - 1 / C(8, 4).
        assert!((of(3.0, 0.0).above(of(0.0, 3.0)) - (1.0 - 1.0 / 70.0)).abs() < 1e-3);
        assert!((of(2.0, 0.0).above(of(0.0, 2.0)) - 0.95).abs() < 1e-3);
        // Beta(1, 6) against a uniform one lies below it with 6 / 7.
        assert!((of(0.0, 5.0).above(of(0.0, 0.0)) - 1.0 / 7.0).abs() < 1e-3);
        assert!((of(7.0, 7.0).above(of(7.0, 7.0)) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn quantiles_are_those_of_tables() {
        // Beta(4, 1) is the fourth power.
        assert!((of(3.0, 0.0).quantile(0.05) - 0.05_f64.powf(0.25)).abs() < 1e-5);
        assert!((normal_cdf(1.644_853_6) - 0.95).abs() < 1e-6);
        assert!((normal_cdf(-1.96) - 0.025).abs() < 1e-4);
    }

    #[test]
    fn weeks_halve_after_eight() {
        let all = week_weights("2026-06-03T12:00:00Z".parse().unwrap(), 90);
        let shown: Vec<String> = all
            .weeks
            .iter()
            .zip(&all.weights)
            .step_by(4)
            .map(|(week, weight)| format!("{week} {weight}"))
            .collect();
        insta::assert_debug_snapshot!(shown, @r#"
        [
            "2026-06-01 1048576",
            "2026-05-04 741455",
            "2026-04-06 524288",
            "2026-03-09 370728",
        ]
        "#);
    }

    #[test]
    fn nothing_known_is_anything() {
        let whole = Interval {
            low: 0.0,
            high: 1.0,
        };
        assert_eq!(wilson(votes(0.0, 0.0)), whole);
        let Interval { low, high } = of(0.0, 0.0).interval();
        assert!((low - 0.05).abs() < 1e-5 && (high - 0.95).abs() < 1e-5);
    }

    proptest! {
        #[test]
        fn more_acceptances_never_lower_anything(
            accepted in 0.0..300.0, rejected in 0.0..300.0, more in 0.0..50.0,
            others in (0.0..300.0, 0.0..300.0),
        ) {
            let (before, after) = (of(accepted, rejected), of(accepted + more, rejected));
            let rest = of(others.0, others.1);
            prop_assert!(after.mean() >= before.mean());
            prop_assert!(after.quantile(0.05) >= before.quantile(0.05) - 2e-6);
            prop_assert!(after.above(rest) >= before.above(rest) - 1e-9);
            prop_assert!(rest.above(after) <= rest.above(before) + 1e-9);
            let interval = wilson(votes(accepted, rejected));
            let better = wilson(votes(accepted + more, rejected));
            prop_assert!(better.low >= interval.low - 1e-9 && better.high >= interval.high - 1e-9);
        }

        #[test]
        fn one_of_two_is_better(
            one in (0.0..3000.0, 0.0..3000.0), other in (0.0..3000.0, 0.0..3000.0),
        ) {
            let (one, other) = (of(one.0, one.1), of(other.0, other.1));
            prop_assert!((one.above(other) + other.above(one) - 1.0).abs() < 1e-6);
        }
    }
}
