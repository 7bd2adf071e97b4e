//! The effect of feedback on the agent's answers: simulated people with hidden preferences rate them,
//! and the agent learns from these ratings alone.
//!
//! Real: `navi serve` as its own process, Postgres, HTTP, runs, ratings, the analyzer. Simulated: the
//! people, and the model, which does as its prompt says where it says something.
//!
//! `cargo bench --bench learning`; `-- --tasks 20` for a short one. Plots go to `docs/learning/`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark stops at the first surprise, prints rounded numbers, and starts what it \
              measures"
)]

mod harm;
mod plot;
#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/provider.rs"]
mod provider;
#[path = "../support/server.rs"]
mod server;
mod stage;
mod world;

use stage::{Condition, Labels, Outcome, Stage};

/// People, half of them in each of two organisations.
const PERSONAS: usize = 20;
/// Tasks of each of them.
const TASKS: usize = 200;
/// The seed of every draw.
const SEED: u64 = 20_260_601;

const CONDITIONS: &[Condition] = &[
    Condition {
        name: "without learning",
        applies: false,
        labels: Labels::True,
        hostile: 0,
    },
    Condition {
        name: "with learning",
        applies: true,
        labels: Labels::True,
        hostile: 0,
    },
    Condition {
        name: "shuffled labels",
        applies: true,
        labels: Labels::Shuffled,
        hostile: 0,
    },
    Condition {
        name: "10 % hostile",
        applies: true,
        labels: Labels::True,
        hostile: 2,
    },
];

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--tasks");
    let tasks = arguments
        .nth(1)
        .map_or(TASKS, |tasks| tasks.parse().unwrap());
    let stage = Stage::set(SEED);
    let people = world::personas(SEED, PERSONAS);
    let outcomes: Vec<(&Condition, Outcome)> = CONDITIONS
        .iter()
        .map(|condition| (condition, stage.play(condition, &people, tasks)))
        .collect();
    println!("{PERSONAS} people, {tasks} tasks each, seed {SEED}\n");
    println!(
        "{:<20} {:>9} {:>9} {:>9} {:>10} {:>9} {:>8}",
        "condition", "accepted", "last half", "worse", "insights", "shown", "tokens"
    );
    let base = &outcomes[0].1;
    for (condition, outcome) in &outcomes {
        println!(
            "{:<20} {:>8.1}% {:>8.1}% {:>8.2}% {:>10} {:>8.1}% {:>8}",
            condition.name,
            100.0 * outcome.acceptance(|_, _| true),
            100.0 * outcome.acceptance(|_, task| task >= tasks / 2),
            100.0 * outcome.worse_than(base),
            outcome.active,
            100.0 * outcome.reach,
            outcome.tokens,
        );
    }
    let honest = |outcome: &Outcome| outcome.acceptance(|person, _| person >= 2);
    let noise = 100.0 * base.noise();
    println!("\nnoise of a difference between two conditions: ±{noise:.1} points (95 %)");
    println!(
        "hostile raters move the acceptance of the {} others by {:+.2} points",
        PERSONAS - 2,
        100.0 * (honest(&outcomes[3].1) - honest(&outcomes[1].1))
    );
    harm::tell(&stage);
    plot::acceptance(&outcomes, tasks);
}
