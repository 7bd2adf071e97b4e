//! What an arm is, what is known of it, and how that fades.

use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand_distr::{Beta, Distribution};

use crate::auth::principal::Role;
use crate::feedback::model::{Rating, TaskType};

/// A choice of temperature: the same names and values as in the version that this one follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arm {
    /// Its name, as rows and answers carry it.
    pub name: &'static str,
    /// The temperature that it stands for.
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

/// What is appended to the key of a context when models are the arms.
pub const MODELS: &str = ":model";

/// How much was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Fewer than 50 words.
    Small,
    /// Fewer than 200.
    Medium,
    /// More.
    Large,
}

impl Size {
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

/// In what circumstances a choice is made: what is learned in one says nothing about another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// What was asked for.
    pub task_type: TaskType,
    /// How much.
    pub size: Size,
    /// Whether by somebody who lets the agent work, and not only reads.
    pub expert: bool,
}

impl Context {
    /// The circumstances of a task.
    pub fn of(task_type: TaskType, task: &str, role: Role) -> Self {
        Self {
            task_type,
            size: Size::of(task),
            expert: role >= Role::Planner,
        }
    }

    /// All of them, in the order of the answer.
    pub fn all() -> impl Iterator<Item = Self> {
        let types = [
            TaskType::Codegen,
            TaskType::Summarize,
            TaskType::Chat,
            TaskType::Analysis,
        ];
        types.into_iter().flat_map(|task_type| {
            [Size::Small, Size::Medium, Size::Large]
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

    /// The name, as rows, answers and the `bandit_context` of a generation carry it.
    pub fn key(self) -> String {
        let expert = if self.expert { "expert" } else { "standard" };
        format!("{}_{}_{expert}", self.task_type.label(), self.size.label())
    }

    /// The name of the same circumstances where a model is chosen, the `bandit_model_context`.
    pub fn model_key(self) -> String {
        self.key() + MODELS
    }
}

/// After so many days what was said weighs half.
pub const HALF_LIFE_DAYS: i64 = 30;
/// So many half-lives fade to nothing that matters; more would leave what a number can hold.
pub const MOST_HALF_LIVES: f64 = 200.0;
/// What is less than this is what rounding left.
pub const NOTHING: f64 = 1e-12;

/// What is left after a time of what weighed one. Nothing weighs more for lying in the future.
pub fn faded(after: TimeDelta) -> f64 {
    let half_lives = after.as_seconds_f64() / TimeDelta::days(HALF_LIFE_DAYS).as_seconds_f64();
    0.5_f64.powf(half_lives.clamp(0.0, MOST_HALF_LIVES))
}

/// How often an arm was liked and how often not, as that weighed at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counts {
    /// Ratings up.
    pub successes: f64,
    /// Ratings down.
    pub failures: f64,
    /// When they weighed this.
    pub at: DateTime<Utc>,
}

impl Counts {
    /// Nothing is known.
    pub fn none(at: DateTime<Utc>) -> Self {
        Self {
            successes: 0.0,
            failures: 0.0,
            at,
        }
    }

    /// The same as it weighs now.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>) -> Self {
        let weight = faded(now - self.at);
        Self {
            successes: self.successes * weight,
            failures: self.failures * weight,
            at: now.max(self.at),
        }
    }

    /// What the acceptance may be, by chance: a draw from what is believed of it, with a uniform prior.
    pub fn draw(&self, rng: &mut impl Rng) -> f64 {
        // Both parameters are at least one, so the distribution always exists; 0.5 says nothing.
        Beta::new(1.0 + self.successes, 1.0 + self.failures)
            .map_or(0.5, |beliefs| beliefs.sample(rng))
    }

    /// What is believed of the arm, in numbers.
    pub fn beliefs(&self) -> Beliefs {
        let trials = self.successes + self.failures;
        let (low, high) = interval(self.successes, trials);
        Beliefs {
            trials,
            success_rate: (trials > NOTHING).then(|| self.successes / trials),
            confidence: (trials / ENOUGH_TRIALS).min(1.0),
            mean: (1.0 + self.successes) / (2.0 + trials),
            low,
            high,
        }
    }
}

/// With so many trials an arm is known.
const ENOUGH_TRIALS: f64 = 20.0;

/// What is believed of an arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beliefs {
    /// How many ratings, by their weight.
    pub trials: f64,
    /// The share of them that were up; none without any.
    pub success_rate: Option<f64>,
    /// How well it is known, 0 to 1.
    pub confidence: f64,
    /// The mean of what the acceptance may be, with a uniform prior.
    pub mean: f64,
    /// The acceptance is hardly less,
    pub low: f64,
    /// and hardly more.
    pub high: f64,
}

/// Between which bounds a share lies with 95 %: the score interval of Wilson (1927), which is right for
/// few trials and for none.
fn interval(successes: f64, trials: f64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    if trials <= NOTHING {
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

/// The arm whose draw is the largest; none when there are none.
pub fn choose<'a>(
    arms: impl IntoIterator<Item = (&'a str, Counts)>,
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

/// An arm that was chosen for a generation, as its `params` say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// In what circumstances.
    pub context: String,
    /// Which.
    pub arm: String,
}

/// What a rating adds to the counts of the arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// What was said.
    pub rating: Rating,
    /// When: from then on it fades.
    pub at: DateTime<Utc>,
}

impl Said {
    /// Its weight among the successes and the failures when it is new.
    pub fn weight(self) -> (f64, f64) {
        match self.rating {
            Rating::Up => (1.0, 0.0),
            Rating::Down => (0.0, 1.0),
            Rating::Withdrawn => (0.0, 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn counts(successes: f64, failures: f64) -> Counts {
        Counts {
            successes,
            failures,
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn there_are_twenty_four_contexts_with_names_of_their_own() {
        let keys: std::collections::BTreeSet<_> = Context::all().map(Context::key).collect();
        assert_eq!(keys.len(), 24);
        assert!(keys.contains("codegen_small_expert"));
        assert!(keys.contains("analysis_large_standard"));
        let context = Context::of(TaskType::Chat, &"word ".repeat(50), Role::Viewer);
        assert_eq!(context.key(), "chat_medium_standard");
        assert_eq!(context.model_key(), "chat_medium_standard:model");
        for (words, size) in [
            (0, Size::Small),
            (49, Size::Small),
            (199, Size::Medium),
            (200, Size::Large),
            (900, Size::Large),
        ] {
            assert_eq!(Size::of(&"w ".repeat(words)), size, "{words}");
        }
    }

    #[test]
    fn after_a_half_life_half_is_left_and_nothing_grows() {
        let day = DateTime::UNIX_EPOCH + TimeDelta::days(30);
        let later = counts(8.0, 2.0).at(day);
        assert!((later.successes - 4.0).abs() < 1e-12 && (later.failures - 1.0).abs() < 1e-12);
        let earlier = later.at(DateTime::UNIX_EPOCH);
        assert_eq!(earlier, later);
        assert!(faded(TimeDelta::days(1_000_000)) > 0.0);
    }

    proptest! {
        #[test]
        fn fading_twice_is_fading_once(days in 0_i64..300, more in 0_i64..300) {
            let (first, second) = (TimeDelta::days(days), TimeDelta::days(more));
            let once = faded(first + second);
            prop_assert!((faded(first) * faded(second) - once).abs() < 1e-12);
        }

        #[test]
        fn what_is_believed_lies_within_its_bounds(up in 0_u32..500, down in 0_u32..500) {
            let beliefs = counts(up.into(), down.into()).beliefs();
            prop_assert!(0.0 <= beliefs.low && beliefs.low <= beliefs.mean);
            prop_assert!(beliefs.mean <= beliefs.high && beliefs.high <= 1.0);
            if let Some(rate) = beliefs.success_rate {
                prop_assert!(beliefs.low <= rate + 1e-12 && rate <= beliefs.high + 1e-12);
            }
            let better = counts(f64::from(up) + 1.0, down.into()).beliefs();
            prop_assert!(better.mean > beliefs.mean);
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

    /// How often the better of two arms was taken in each quarter of so many rounds; `better` says
    /// which it is, its acceptance is 0.8 and the other's 0.4.
    fn play(seed: u64, rounds: u32, better: impl Fn(u32) -> usize) -> Vec<f64> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = StdRng::seed_from_u64(!seed);
        let mut known = [counts(0.0, 0.0); 2];
        let mut taken = [0_u32; 4];
        for round in 0..rounds {
            // Ten ratings a day.
            let now = DateTime::UNIX_EPOCH + TimeDelta::hours(i64::from(round) * 24 / 10);
            known = known.map(|counts| counts.at(now));
            let arm = choose([("0", known[0]), ("1", known[1])], &mut rng).unwrap();
            let arm = usize::from(arm == "1");
            let chance = if arm == better(round) { 0.8 } else { 0.4 };
            if world.random_bool(chance) {
                known[arm].successes += 1.0;
            } else {
                known[arm].failures += 1.0;
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
