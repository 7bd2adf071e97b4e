//! What an insight does: answers with it next to answers from which chance left it out.

use serde_json::{Value, json};

use crate::feedback::learning::model::Reason;
use crate::feedback::learning::posterior::{Posterior, normal, rounded};
use crate::feedback::learning::tallies::Voices;

/// How answers went, with the insight and without it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arms {
    /// With it.
    pub applied: Voices,
    /// Without it.
    pub held_out: Voices,
}

/// What is known of an insight's effect.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Answers in which it had a part.
    pub exposures: i64,
    /// How they were rated.
    pub ratings: Arms,
    /// How their checks ended.
    pub checks: Arms,
}

/// So many rated answers with it say something.
const ENOUGH: f64 = 8.0;
/// So many without it make what was before superfluous; and what was before counts for no more.
const BASELINE: f64 = 20.0;
/// How sure it must be that answers are worse with it. It is asked again with every rating, so this is
/// much more than what once would do: the simulations below say how often it errs.
const HARMFUL: f64 = 0.99;
/// From so many rated answers on, with and without it together, an absent effect can be told.
const MANY: f64 = 150.0;
/// And this many of them without it.
const MANY_HELD_OUT: f64 = 20.0;
/// Less than this is no effect.
const NO_EFFECT: f64 = 0.05;
/// How sure that must be.
const SURE: f64 = 0.9;
/// Standard deviations to each side of an interval of 90 %.
const SPREAD: f64 = 1.645;

impl Measured {
    /// As `learning_insights.effect` holds it; what is not known is null.
    pub fn shown(&self) -> Value {
        json!({
            "exposures": self.exposures,
            "acceptance": shown(&self.ratings),
            "verification": shown(&self.checks),
        })
    }

    /// Why the insight is to be retired; nothing when there is no reason to. The baseline is how
    /// answers were rated when it became active, and stands in for those without it while they are few.
    pub fn verdict(&self, baseline: Voices) -> Option<Reason> {
        let missing = (BASELINE - self.ratings.held_out.total()).max(0.0);
        let share = (missing / baseline.total().max(missing)).min(1.0);
        let reference = if missing > 0.0 && baseline.total() > 0.0 {
            self.ratings.held_out.plus(baseline.times(share))
        } else {
            self.ratings.held_out
        };
        let Arms { applied, held_out } = self.checks;
        if harms(self.ratings.applied, reference) || harms(applied, held_out) {
            return Some(Reason::Harmful);
        }
        let Arms { applied, held_out } = self.ratings;
        let many = applied.total() + held_out.total() >= MANY && held_out.total() >= MANY_HELD_OUT;
        let (difference, spread) = difference(applied, held_out);
        (many && normal((NO_EFFECT - difference) / spread) >= SURE).then_some(Reason::NoEffect)
    }
}

/// Whether answers are worse with it. The reference has to have been asked as well.
fn harms(applied: Voices, reference: Voices) -> bool {
    applied.total() >= ENOUGH
        && reference.total() >= ENOUGH
        && Posterior::of(reference).above(Posterior::of(applied)) >= HARMFUL
}

/// The expected difference, and its standard deviation.
fn difference(applied: Voices, held_out: Voices) -> (f64, f64) {
    let (applied, held_out) = (Posterior::of(applied), Posterior::of(held_out));
    let variance = applied.variance() + held_out.variance();
    (applied.mean() - held_out.mean(), variance.sqrt())
}

fn shown(arms: &Arms) -> Value {
    let rate = |voices: Voices| (voices.total() > 0.0).then(|| voices.accepted / voices.total());
    let arm = |voices: Voices| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number of answers, which is whole"
        )]
        let n = voices.total().round() as i64;
        json!({"n": n, "rate": rate(voices).map(rounded)})
    };
    let (expected, spread) = difference(arms.applied, arms.held_out);
    let known = rate(arms.applied).zip(rate(arms.held_out));
    let bound = |side: f64| known.map(|_| rounded((expected + side * spread).clamp(-1.0, 1.0)));
    json!({
        "applied": arm(arms.applied),
        "held_out": arm(arms.held_out),
        "difference": known.map(|(applied, held_out)| rounded(applied - held_out)),
        "low": bound(-SPREAD),
        "high": bound(SPREAD),
    })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::{Arms, Measured};
    use crate::feedback::learning::model::Reason;
    use crate::feedback::learning::tallies::Voices;

    fn voices(accepted: f64, rejected: f64) -> Voices {
        Voices { accepted, rejected }
    }

    fn ask(rng: &mut StdRng, voices: &mut Voices, rate: f64) {
        if rng.random::<f64>() < rate {
            voices.accepted += 1.0;
        } else {
            voices.rejected += 1.0;
        }
    }

    /// After how many exposures an insight is retired as harmful, when it is looked at after each; with
    /// it answers are accepted at one rate and without it at another.
    fn retired_after(seed: u64, with: f64, without: f64, most: i64) -> Option<i64> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut baseline = Voices::default();
        for _ in 0..30 {
            ask(&mut rng, &mut baseline, without);
        }
        let mut measured = Measured::default();
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
            if measured.verdict(baseline) == Some(Reason::Harmful) {
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
        let measured = |applied, held_out| Measured {
            exposures: 2_000,
            ratings: Arms { applied, held_out },
            checks: Arms::default(),
        };
        let base = voices(12.0, 8.0);
        let none = measured(voices(900.0, 600.0), voices(180.0, 120.0));
        assert_eq!(none.verdict(base), Some(Reason::NoEffect));
        let helps = measured(voices(1_050.0, 450.0), voices(180.0, 120.0));
        assert_eq!(helps.verdict(base), None);
        let few_held_out = measured(voices(900.0, 600.0), voices(6.0, 4.0));
        assert_eq!(few_held_out.verdict(base), None);
    }

    #[test]
    fn failing_checks_retire_too() {
        let measured = Measured {
            exposures: 60,
            ratings: Arms::default(),
            checks: Arms {
                applied: voices(5.0, 25.0),
                held_out: voices(20.0, 5.0),
            },
        };
        assert_eq!(measured.verdict(voices(9.0, 1.0)), Some(Reason::Harmful));
    }

    #[test]
    fn what_is_not_known_is_null() {
        let mut measured = Measured::default();
        measured.ratings.applied = voices(3.0, 1.0);
        measured.exposures = 4;
        insta::assert_json_snapshot!(measured.shown(), @r#"
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
