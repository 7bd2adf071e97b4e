//! Arms, contexts, and counts that decay.

use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand_distr::{Beta, Distribution};

use crate::auth::principal::Role;
use crate::feedback::model::TaskType;

/// An arm: a temperature. Names and values are those of the version before this one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arm {
    /// Name in rows and answers.
    pub name: &'static str,
    /// Temperature.
    pub temperature: f32,
}

/// The arms of every context.
pub const ARMS: [Arm; 3] = [
    Arm {
        name: "precise",
        temperature: 0.1,
    },
    Arm {
        name: "balanced",
        temperature: 0.3,
    },
    Arm {
        name: "creative",
        temperature: 0.7,
    },
];

/// Suffix of the key of a context whose arms are models.
pub const MODEL_SUFFIX: &str = ":model";

/// Size of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskSize {
    /// Below 50 words.
    Small,
    /// Below 200 words.
    Medium,
    /// 200 words or more.
    Large,
}

impl TaskSize {
    /// The size of a task.
    pub fn of(task: &str) -> Self {
        match task.split_whitespace().take(200).count() {
            ..50 => Self::Small,
            50..200 => Self::Medium,
            200.. => Self::Large,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// The context of a choice. Counts of one context say nothing about another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BanditContext {
    /// Task type.
    pub task_type: TaskType,
    /// Size.
    pub size: TaskSize,
    /// True for a user who lets the agent change things.
    pub expert: bool,
}

impl BanditContext {
    /// The context of a task.
    pub fn of(task_type: TaskType, task: &str, role: Role) -> Self {
        Self {
            task_type,
            size: TaskSize::of(task),
            expert: role >= Role::Planner,
        }
    }

    /// All contexts, in the order of the report.
    pub fn all() -> impl Iterator<Item = Self> {
        let types = [
            TaskType::Codegen,
            TaskType::Summarize,
            TaskType::Chat,
            TaskType::Analysis,
        ];
        types.into_iter().flat_map(|task_type| {
            [TaskSize::Small, TaskSize::Medium, TaskSize::Large]
                .into_iter()
                .flat_map(move |size| {
                    [true, false].map(|expert| Self {
                        task_type,
                        size,
                        expert,
                    })
                })
        })
    }

    /// The key in rows, answers and the `bandit_context` of a generation.
    pub fn key(self) -> String {
        let expert = if self.expert { "expert" } else { "standard" };
        format!("{}_{}_{expert}", self.task_type.label(), self.size.label())
    }

    /// The key for choosing a model, the `bandit_model_context`.
    pub fn model_key(self) -> String {
        self.key() + MODEL_SUFFIX
    }
}

/// Days after which a rating has half its weight.
pub const HALF_LIFE_DAYS: i64 = 30;
/// The most half-lives of a decay; more would underflow.
pub const MAX_HALF_LIVES: f64 = 200.0;
/// Counts below this are rounding errors.
pub const EPSILON: f64 = 1e-12;

/// Returns the half-life in seconds, for SQL.
pub fn half_life_seconds() -> f64 {
    TimeDelta::days(HALF_LIFE_DAYS).as_seconds_f64()
}

/// Returns the weight of a rating after a time, at most 1 for a time in the future.
pub fn decay(after: TimeDelta) -> f64 {
    let half_lives = after.as_seconds_f64() / half_life_seconds();
    0.5_f64.powf(half_lives.clamp(0.0, MAX_HALF_LIVES))
}

/// Counts of an arm, with their weights at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArmCounts {
    /// Weighted ratings up.
    pub successes: f64,
    /// Weighted ratings down.
    pub failures: f64,
    /// Moment of the weights.
    pub at: DateTime<Utc>,
}

impl ArmCounts {
    /// Counts without ratings.
    pub fn none(at: DateTime<Utc>) -> Self {
        Self {
            successes: 0.0,
            failures: 0.0,
            at,
        }
    }

    /// Returns the counts, decayed to a later moment.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>) -> Self {
        let weight = decay(now - self.at);
        Self {
            successes: self.successes * weight,
            failures: self.failures * weight,
            at: now.max(self.at),
        }
    }

    /// Draws an acceptance from the posterior, with a uniform prior.
    pub fn draw(&self, rng: &mut impl Rng) -> f64 {
        // Both parameters are at least one, so the distribution always exists.
        Beta::new(1.0 + self.successes, 1.0 + self.failures)
            .map_or(0.5, |posterior| posterior.sample(rng))
    }

    /// Estimates the acceptance.
    pub fn estimate(&self) -> ArmEstimate {
        let trials = self.successes + self.failures;
        let (low, high) = interval(self.successes, trials);
        ArmEstimate {
            trials,
            success_rate: (trials > EPSILON).then(|| self.successes / trials),
            confidence: (trials / FULL_CONFIDENCE_TRIALS).min(1.0),
            mean: (1.0 + self.successes) / (2.0 + trials),
            low,
            high,
        }
    }
}

/// Trials from which the confidence is 1.
const FULL_CONFIDENCE_TRIALS: f64 = 20.0;

/// The estimated acceptance of an arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArmEstimate {
    /// Weighted number of ratings.
    pub trials: f64,
    /// Share of ratings up; none without any.
    pub success_rate: Option<f64>,
    /// Confidence, 0 to 1.
    pub confidence: f64,
    /// Posterior mean, with a uniform prior.
    pub mean: f64,
    /// Lower bound of the 95 % interval.
    pub low: f64,
    /// Upper bound of the 95 % interval.
    pub high: f64,
}

/// Returns the 95 % score interval of Wilson (1927), which holds for few trials and for none.
fn interval(successes: f64, trials: f64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    if trials <= EPSILON {
        return (0.0, 1.0);
    }
    let share = (successes / trials).clamp(0.0, 1.0);
    let square = Z * Z / trials;
    let centre = square.mul_add(0.5, share);
    let spread = Z * (share * (1.0 - share) / trials + square / trials / 4.0).sqrt();
    let all = 1.0 + square;
    (
        ((centre - spread) / all).max(0.0),
        ((centre + spread) / all).min(1.0),
    )
}

/// Returns the arm with the largest draw; none without arms.
pub fn choose<'a>(
    arms: impl IntoIterator<Item = (&'a str, ArmCounts)>,
    rng: &mut impl Rng,
) -> Option<&'a str> {
    let mut best: Option<(&str, f64)> = None;
    for (arm, counts) in arms {
        let drawn = counts.draw(rng);
        if best.is_none_or(|(_, most)| drawn > most) {
            best = Some((arm, drawn));
        }
    }
    best.map(|(arm, _)| arm)
}

/// An arm chosen in a context, as the `params` of a generation name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmChoice {
    /// Key of the context.
    pub context: String,
    /// Name of the arm.
    pub arm: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn counts(successes: f64, failures: f64) -> ArmCounts {
        ArmCounts {
            successes,
            failures,
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn there_are_twenty_four_contexts_with_names_of_their_own() {
        let keys: std::collections::BTreeSet<_> =
            BanditContext::all().map(BanditContext::key).collect();
        assert_eq!(keys.len(), 24);
        assert!(keys.contains("codegen_small_expert"));
        assert!(keys.contains("analysis_large_standard"));
        let context = BanditContext::of(TaskType::Chat, &"word ".repeat(50), Role::Viewer);
        assert_eq!(context.key(), "chat_medium_standard");
        assert_eq!(context.model_key(), "chat_medium_standard:model");
        for (words, size) in [
            (0, TaskSize::Small),
            (49, TaskSize::Small),
            (199, TaskSize::Medium),
            (200, TaskSize::Large),
            (900, TaskSize::Large),
        ] {
            assert_eq!(TaskSize::of(&"w ".repeat(words)), size, "{words}");
        }
    }

    #[test]
    fn after_a_half_life_half_is_left_and_nothing_grows() {
        let day = DateTime::UNIX_EPOCH + TimeDelta::days(30);
        let later = counts(8.0, 2.0).at(day);
        assert!((later.successes - 4.0).abs() < 1e-12 && (later.failures - 1.0).abs() < 1e-12);
        let earlier = later.at(DateTime::UNIX_EPOCH);
        assert_eq!(earlier, later);
        assert!(decay(TimeDelta::days(1_000_000)) > 0.0);
    }

    proptest! {
        #[test]
        fn decaying_twice_is_decaying_once(days in 0_i64..300, more in 0_i64..300) {
            let (first, second) = (TimeDelta::days(days), TimeDelta::days(more));
            let once = decay(first + second);
            prop_assert!((decay(first) * decay(second) - once).abs() < 1e-12);
        }

        #[test]
        fn an_estimate_lies_within_its_bounds(up in 0_u32..500, down in 0_u32..500) {
            let estimate = counts(up.into(), down.into()).estimate();
            prop_assert!(0.0 <= estimate.low && estimate.low <= estimate.mean);
            prop_assert!(estimate.mean <= estimate.high && estimate.high <= 1.0);
            if let Some(rate) = estimate.success_rate {
                prop_assert!(estimate.low <= rate + 1e-12 && rate <= estimate.high + 1e-12);
            }
            let better = counts(f64::from(up) + 1.0, down.into()).estimate();
            prop_assert!(better.mean > estimate.mean);
        }
    }

    #[test]
    fn the_score_interval_is_the_known_one() {
        // Newcombe (1998), table I: 81 of 263 and 15 of 148.
        let (low, high) = interval(81.0, 263.0);
        assert!(
            (low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5,
            "{low} {high}"
        );
        let (low, high) = interval(15.0, 148.0);
        assert!(
            (low - 0.0624).abs() < 5e-5 && (high - 0.1605).abs() < 5e-5,
            "{low} {high}"
        );
    }

    /// Returns the share of rounds in which the better of two arms was chosen, by quarter. `better` names
    /// it; its acceptance is 0.8 and the other's 0.4.
    fn play(seed: u64, rounds: u32, better: impl Fn(u32) -> usize) -> Vec<f64> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = StdRng::seed_from_u64(!seed);
        let mut arms = [counts(0.0, 0.0); 2];
        let mut taken = [0_u32; 4];
        for round in 0..rounds {
            // Ten ratings a day.
            let now = DateTime::UNIX_EPOCH + TimeDelta::hours(i64::from(round) * 24 / 10);
            arms = arms.map(|counts| counts.at(now));
            let arm = choose([("0", arms[0]), ("1", arms[1])], &mut rng).unwrap();
            let arm = usize::from(arm == "1");
            let chance = if arm == better(round) { 0.8 } else { 0.4 };
            if world.random_bool(chance) {
                arms[arm].successes += 1.0;
            } else {
                arms[arm].failures += 1.0;
            }
            taken[(round * 4 / rounds) as usize] += u32::from(arm == better(round));
        }
        let each = f64::from(rounds) / 4.0;
        taken.iter().map(|taken| f64::from(*taken) / each).collect()
    }

    #[test]
    fn the_better_arm_is_found_and_found_again_when_it_changes() {
        let mut found = 0.0;
        let mut again = 0.0;
        for seed in 0..20 {
            found += play(seed, 800, |_| 1)[3] / 20.0;
            again += play(seed, 1_600, |round| usize::from(round < 800))[3] / 20.0;
        }
        assert!(found > 0.9, "{found}");
        assert!(again > 0.8, "{again}");
    }

    #[test]
    fn of_no_arms_none_is_chosen_and_of_unknown_ones_each() {
        let mut rng = StdRng::seed_from_u64(1);
        assert_eq!(choose([], &mut rng), None);
        let mut taken = [0_u32; 3];
        for _ in 0..3_000 {
            let arms = ["0", "1", "2"].map(|arm| (arm, counts(0.0, 0.0)));
            let arm = choose(arms, &mut rng).unwrap();
            taken[arm.parse::<usize>().unwrap()] += 1;
        }
        assert!(taken.iter().all(|taken| *taken > 800), "{taken:?}");
    }
}
