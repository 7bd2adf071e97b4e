//! How good something is, as far as some yes and no tell: Beta posteriors over a uniform prior.

use std::sync::LazyLock;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use statrs::function::beta::checked_beta_reg;

use crate::feedback::learning::tallies::{Voices, WEIGHT_ONE, Weeks};

/// A voice counts half as much after so many weeks.
pub const HALF_LIFE_WEEKS: f64 = 8.0;

/// Points at which densities are compared. With so many the probability is right to three digits
/// up to [`NORMAL_FROM`] voices.
const POINTS: usize = 256;
/// From so many voices on, both sides together, a normal distribution is as good.
const NORMAL_FROM: f64 = 4_000.0;
/// Halvings that narrow a quantile down to a millionth.
const HALVINGS: u32 = 20;

/// The logarithms of the points and of what is left to one.
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

/// What is known of a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    /// One more than the voices for.
    a: f64,
    /// One more than the voices against.
    b: f64,
}

impl Posterior {
    /// After these voices.
    pub fn of(voices: Voices) -> Self {
        Self {
            a: 1.0 + voices.accepted.max(0.0),
            b: 1.0 + voices.rejected.max(0.0),
        }
    }

    /// The expected probability.
    pub fn mean(self) -> f64 {
        self.a / (self.a + self.b)
    }

    /// How far it may be off, squared.
    pub fn variance(self) -> f64 {
        let total = self.a + self.b;
        self.a * self.b / (total * total * (total + 1.0))
    }

    /// How probable it is that the probability lies below.
    pub fn below(self, x: f64) -> f64 {
        checked_beta_reg(self.a, self.b, x.clamp(0.0, 1.0)).unwrap_or(0.5)
    }

    /// The value below which the probability lies with this certainty: the regularised incomplete beta
    /// function, inverted by halving, which unlike Newton's method always comes to its end.
    pub fn quantile(self, certainty: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if self.below(middle) < certainty {
                low = middle;
            } else {
                high = middle;
            }
        }
        f64::midpoint(low, high)
    }

    /// Between what it lies with a certainty of 90 %.
    pub fn interval(self) -> (f64, f64) {
        (self.quantile(0.05), self.quantile(0.95))
    }

    /// How probable it is that this probability is above another.
    ///
    /// By the midpoint rule over [`POINTS`] points: both densities are bounded, since no parameter is
    /// below one. Where there are so many voices that a density falls between two points, by the normal
    /// approximation of the difference.
    pub fn above(self, other: Self) -> f64 {
        if self.a + self.b + other.a + other.b > NORMAL_FROM {
            let spread = (self.variance() + other.variance()).sqrt();
            return normal((self.mean() - other.mean()) / spread);
        }
        let (ours, theirs) = (self.densities(), other.densities());
        let (mut all_ours, mut all_theirs, mut both) = (0.0, 0.0, 0.0);
        for (our, their) in ours.zip(theirs) {
            // Of a point's own width half lies below its middle.
            both += our * (all_theirs + their / 2.0);
            all_ours += our;
            all_theirs += their;
        }
        (both / (all_ours * all_theirs)).clamp(0.0, 1.0)
    }

    /// Its density at the points, as a share of the greatest.
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

/// The standard normal distribution, by the approximation 26.2.17 of Abramowitz and Stegun, Handbook of
/// Mathematical Functions, which is right to seven digits.
pub fn normal(x: f64) -> f64 {
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

/// Wilson's bounds of a share, for a certainty of 95 % (E. B. Wilson, Probable Inference, the Law of
/// Succession, and Statistical Inference, 1927). They need no prior, and so are no wider than a few
/// voices deserve.
pub fn wilson(voices: Voices) -> (f64, f64) {
    const Z: f64 = 1.96;
    let n = voices.total();
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let share = voices.accepted / n;
    let middle = share + Z * Z / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let whole = 1.0 + Z * Z / n;
    (
        ((middle - spread) / whole).max(0.0),
        ((middle + spread) / whole).min(1.0),
    )
}

/// The weeks that count today, with their weights. An age is counted in whole weeks, so that the same
/// day always gives the same weights.
pub fn weeks(now: DateTime<Utc>, lookback_days: u32) -> Weeks {
    let today = now.date_naive();
    let oldest = today
        .checked_sub_days(Days::new(lookback_days.into()))
        .unwrap_or(today);
    let mut week = monday(today);
    let mut found = Weeks::default();
    let mut weight = 1.0;
    // A week of which some days are within the look-back counts.
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

/// A weight in parts of [`WEIGHT_ONE`].
fn parts(weight: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a weight lies between 0 and 1, and one is 2^20"
    )]
    let parts = (weight * WEIGHT_ONE as f64).round() as i64;
    parts
}

/// Three digits: what is written must not differ by the order of an addition.
pub fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Posterior, normal, weeks, wilson};
    use crate::feedback::learning::tallies::Voices;

    fn voices(accepted: f64, rejected: f64) -> Voices {
        Voices { accepted, rejected }
    }

    fn of(accepted: f64, rejected: f64) -> Posterior {
        Posterior::of(voices(accepted, rejected))
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
        assert!((normal(1.644_853_6) - 0.95).abs() < 1e-6);
        assert!((normal(-1.96) - 0.025).abs() < 1e-4);
    }

    #[test]
    fn weeks_halve_after_eight() {
        let all = weeks("2026-06-03T12:00:00Z".parse().unwrap(), 90);
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
        assert_eq!(wilson(voices(0.0, 0.0)), (0.0, 1.0));
        let (low, high) = of(0.0, 0.0).interval();
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
            let (lower, upper) = wilson(voices(accepted, rejected));
            let better = wilson(voices(accepted + more, rejected));
            prop_assert!(better.0 >= lower - 1e-9 && better.1 >= upper - 1e-9);
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
