//! One action of one user, from its moment to its end or to the end of the user's patience.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::cli::load::actions::error::ActionError;
use crate::cli::load::actions::marks::Marks;
use crate::cli::load::actions::world::LoadWorld;
use crate::cli::load::actions::{analytics, chat, feedback, job, run, telemetry};
use crate::cli::load::measure::kind::UserAction;

/// The outcome of an action.
#[derive(Debug)]
pub struct Performed {
    /// The times until its moments.
    pub marks: Marks,
    /// Its end, or the reason why it was no good one.
    pub outcome: Result<(), ActionError>,
}

/// Does it. `turn` is the number of the action within its stage.
pub async fn perform(
    world: &LoadWorld,
    action: UserAction,
    person: usize,
    turn: usize,
    due: Instant,
    patience: Duration,
) -> Performed {
    let mut marks = Marks::since(due);
    let doing = Box::pin(act(world, action, person, turn, &mut marks));
    let outcome = timeout_at(due + patience, doing).await;
    Performed {
        outcome: outcome.unwrap_or(Err(ActionError::Late)),
        marks,
    }
}

async fn act(
    world: &LoadWorld,
    action: UserAction,
    person: usize,
    turn: usize,
    marks: &mut Marks,
) -> Result<(), ActionError> {
    match action {
        UserAction::Chat => chat::ask(world, person, marks).await,
        UserAction::Run => run::watch(world, person, marks).await,
        UserAction::Job => job::follow(world, person, marks).await,
        UserAction::Telemetry => telemetry::report(world, person, marks).await,
        UserAction::Feedback => feedback::rate(world, marks).await,
        UserAction::Analytics => analytics::read(world, person, turn, marks).await,
    }
}
