//! Effects of insights: answers with an insight in the prompt against answers it was held out of.

use serde_json::{Value, json};

use crate::feedback::learning::model::RetireReason;
use crate::feedback::learning::posterior::{Posterior, normal_cdf, rounded};
use crate::feedback::learning::tallies::VoteCounts;

/// Outcomes of answers, with the insight and without it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arms {
    /// Answers with the insight in their prompt.
    pub applied: VoteCounts,
    /// Answers it was held out of.
    pub held_out: VoteCounts,
}

/// The measured effect of an insight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeasuredEffect {
    /// Answers in both arms.
    pub exposures: i64,
    /// Ratings.
    pub ratings: Arms,
    /// Passed and failed checks.
    pub checks: Arms,
}

/// The fewest outcomes of an arm from which harm is concluded.
const MIN_ARM: f64 = 8.0;
/// Held-out answers that make the baseline superfluous, and the most answers that it counts for.
const MAX_BASELINE: f64 = 20.0;
/// Probability of harm from which an insight is retired. It is tested again with every rating, hence far
/// above the level of a single test; the simulations below count the false alarms.
const HARM_PROBABILITY: f64 = 0.99;
/// The fewest rated answers, in both arms, from which an absent effect is concluded.
const MIN_RATED: f64 = 150.0;
/// The fewest of them in the held-out arm.
const MIN_RATED_HELD_OUT: f64 = 20.0;
/// The smallest difference that counts as an effect.
const MIN_EFFECT: f64 = 0.05;
/// Probability of a smaller difference from which an insight is retired.
const NO_EFFECT_PROBABILITY: f64 = 0.9;
/// Standard deviations to each side of a 90 % interval.
const Z_90: f64 = 1.645;

/// The difference of acceptance between both arms.
struct Difference {
    mean: f64,
    standard_deviation: f64,
}

impl MeasuredEffect {
    /// Returns the value of `learning_insights.effect`; unknown rates are null.
    pub fn to_json(self) -> Value {
        json!({
            "exposures": self.exposures,
            "acceptance": comparison(&self.ratings),
            "verification": comparison(&self.checks),
        })
    }

    /// Returns the reason for retiring the insight, if there is one. The baseline, the acceptance at its
    /// activation, stands in for held-out answers while they are few.
    pub fn retire_reason(&self, baseline: VoteCounts) -> Option<RetireReason> {
        let missing = (MAX_BASELINE - self.ratings.held_out.total()).max(0.0);
        let share = (missing / baseline.total().max(missing)).min(1.0);
        let reference = if missing > 0.0 && baseline.total() > 0.0 {
            self.ratings.held_out.plus(baseline.scaled(share))
        } else {
            self.ratings.held_out
        };
        let Arms { applied, held_out } = self.checks;
        if is_harmful(self.ratings.applied, reference) || is_harmful(applied, held_out) {
            return Some(RetireReason::Harmful);
        }
        let Arms { applied, held_out } = self.ratings;
        let is_enough = applied.total() + held_out.total() >= MIN_RATED
            && held_out.total() >= MIN_RATED_HELD_OUT;
        let difference = Difference::of(self.ratings);
        let smaller = normal_cdf((MIN_EFFECT - difference.mean) / difference.standard_deviation);
        (is_enough && smaller >= NO_EFFECT_PROBABILITY).then_some(RetireReason::NoEffect)
    }
}

impl Difference {
    fn of(arms: Arms) -> Self {
        let (applied, held_out) = (Posterior::of(arms.applied), Posterior::of(arms.held_out));
        let variance = applied.variance() + held_out.variance();
        Self {
            mean: applied.mean() - held_out.mean(),
            standard_deviation: variance.sqrt(),
        }
    }
}

/// True if answers are worse with the insight than those of the reference.
fn is_harmful(applied: VoteCounts, reference: VoteCounts) -> bool {
    applied.total() >= MIN_ARM
        && reference.total() >= MIN_ARM
        && Posterior::of(reference).above(Posterior::of(applied)) >= HARM_PROBABILITY
}

fn comparison(arms: &Arms) -> Value {
    let rate = |votes: VoteCounts| (votes.total() > 0.0).then(|| votes.accepted / votes.total());
    let arm = |votes: VoteCounts| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number of answers, which is whole"
        )]
        let n = votes.total().round() as i64;
        json!({"n": n, "rate": rate(votes).map(rounded)})
    };
    let Difference {
        mean,
        standard_deviation,
    } = Difference::of(*arms);
    let rates = rate(arms.applied).zip(rate(arms.held_out));
    let bound = |z: f64| rates.map(|_| rounded((mean + z * standard_deviation).clamp(-1.0, 1.0)));
    json!({
        "applied": arm(arms.applied),
        "held_out": arm(arms.held_out),
        "difference": rates.map(|(applied, held_out)| rounded(applied - held_out)),
        "low": bound(-Z_90),
        "high": bound(Z_90),
    })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::{Arms, MeasuredEffect};
    use crate::feedback::learning::model::RetireReason;
    use crate::feedback::learning::tallies::VoteCounts;

    fn votes(accepted: f64, rejected: f64) -> VoteCounts {
        VoteCounts { accepted, rejected }
    }

    fn ask(rng: &mut StdRng, votes: &mut VoteCounts, rate: f64) {
        if rng.random::<f64>() < rate {
            votes.accepted += 1.0;
        } else {
            votes.rejected += 1.0;
        }
    }

    /// Returns the exposures after which an insight is retired as harmful, tested after each. Answers are
    /// accepted at one rate with it and at another without it.
    fn retired_after(seed: u64, with: f64, without: f64, most: i64) -> Option<i64> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut baseline = VoteCounts::default();
        for _ in 0..30 {
            ask(&mut rng, &mut baseline, without);
        }
        let mut measured = MeasuredEffect::default();
        while measured.exposures < most {
            let held_out = if measured.exposures < 40 { 0.3 } else { 0.1 };
            measured.exposures += 1;
            let Arms {
                applied,
                held_out: left_out,
            } = &mut measured.ratings;
            if rng.random::<f64>() < held_out {
                ask(&mut rng, left_out, without);
            } else {
                ask(&mut rng, applied, with);
            }
            if measured.retire_reason(baseline) == Some(RetireReason::Harmful) {
                return Some(measured.exposures);
            }
        }
        None
    }

    const SIMULATIONS: u64 = 200;

    #[test]
    fn a_harmful_insight_is_retired_within_thirty_exposures() {
        let mut after: Vec<i64> = (0..SIMULATIONS)
            .map(|seed| retired_after(seed, 0.2, 0.6, 100).unwrap_or(i64::MAX))
            .collect();
        after.sort_unstable();
        insta::assert_debug_snapshot!((after[20], after[100], after[180]), @r#"
        (
            10,
            17,
            56,
        )
        "#);
        assert!(after[100] <= 30);
    }

    #[test]
    fn one_that_helps_or_does_nothing_is_seldom_taken_for_harmful() {
        let wrongly = |with, without| {
            (0..SIMULATIONS)
                .filter(|seed| retired_after(*seed, with, without, 100).is_some())
                .count()
        };
        let found = [
            wrongly(0.6, 0.6),
            wrongly(0.8, 0.8),
            wrongly(0.3, 0.3),
            wrongly(0.8, 0.6),
        ];
        insta::assert_debug_snapshot!(found, @r#"
        [
            9,
            6,
            8,
            0,
        ]
        "#);
        assert!(found.iter().all(|many| *many <= 10));
    }

    #[test]
    fn what_makes_no_difference_goes_in_the_end() {
        let measured = |applied, held_out| MeasuredEffect {
            exposures: 2_000,
            ratings: Arms { applied, held_out },
            checks: Arms::default(),
        };
        let base = votes(12.0, 8.0);
        let none = measured(votes(900.0, 600.0), votes(180.0, 120.0));
        assert_eq!(none.retire_reason(base), Some(RetireReason::NoEffect));
        let helps = measured(votes(1_050.0, 450.0), votes(180.0, 120.0));
        assert_eq!(helps.retire_reason(base), None);
        let few_held_out = measured(votes(900.0, 600.0), votes(6.0, 4.0));
        assert_eq!(few_held_out.retire_reason(base), None);
    }

    #[test]
    fn failing_checks_retire_too() {
        let measured = MeasuredEffect {
            exposures: 60,
            ratings: Arms::default(),
            checks: Arms {
                applied: votes(5.0, 25.0),
                held_out: votes(20.0, 5.0),
            },
        };
        assert_eq!(
            measured.retire_reason(votes(9.0, 1.0)),
            Some(RetireReason::Harmful)
        );
    }

    #[test]
    fn what_is_not_known_is_null() {
        let mut measured = MeasuredEffect::default();
        measured.ratings.applied = votes(3.0, 1.0);
        measured.exposures = 4;
        insta::assert_json_snapshot!(measured.to_json(), @r#"
        {
          "exposures": 4,
          "acceptance": {
            "applied": {
              "n": 4,
              "rate": 0.75
            },
            "held_out": {
              "n": 0,
              "rate": null
            },
            "difference": null,
            "low": null,
            "high": null
          },
          "verification": {
            "applied": {
              "n": 0,
              "rate": null
            },
            "held_out": {
              "n": 0,
              "rate": null
            },
            "difference": null,
            "low": null,
            "high": null
          }
        }
        "#);
    }
}
