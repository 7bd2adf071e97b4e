//! Lists and statistics, as a page with numbers asks for them.

use reqwest::Method;

use crate::cli::load::actions::error::ActionError;
use crate::cli::load::actions::marks::Marks;
use crate::cli::load::actions::world::{Ask, LoadWorld};
use crate::cli::load::measure::kind::Moment;

/// The routes that are read, in turn.
const ROUTES: [&str; 7] = [
    "api/telemetry/errors",
    "api/telemetry/rates",
    "api/telemetry/performance",
    "api/feedback/stats?days=30",
    "api/jobs?limit=50",
    "api/audit?limit=50",
    "api/models",
];

/// Reads the one whose turn it is.
pub async fn read(
    world: &LoadWorld,
    person: usize,
    turn: usize,
    marks: &mut Marks,
) -> Result<(), ActionError> {
    world
        .send_and_read(&Ask {
            method: Method::GET,
            path: ROUTES[turn % ROUTES.len()],
            person,
            body: None,
            header: None,
            repeatable: true,
            leaves: &[],
        })
        .await?;
    marks.reach(Moment::Answer);
    Ok(())
}
