//! A rating of an answer.

use reqwest::Method;
use serde_json::json;

use crate::cli::load::actions::error::ActionError;
use crate::cli::load::actions::marks::Marks;
use crate::cli::load::actions::world::{Ask, LoadWorld};
use crate::cli::load::measure::acknowledged::KeptThing;
use crate::cli::load::measure::kind::Moment;

/// Rates an answer that is not rated yet, as the person who got it.
pub async fn rate(world: &LoadWorld, marks: &mut Marks) -> Result<(), ActionError> {
    let rateable = world.take_rateable();
    let (person, answer) =
        rateable.ok_or_else(|| ActionError::Unhappy("no answer to rate".to_owned()))?;
    let rating = if answer % 3 == 0 { -1 } else { 1 };
    let body = json!({
        "gen_id": answer, "rating": rating, "reason": "style", "comment": "Short and right.",
    });
    let leaves = [(KeptThing::Ratings, 1), (KeptThing::Entries, 1)];
    world
        .send_and_read(&Ask {
            method: Method::POST,
            path: "api/feedback/submit",
            person,
            body: Some(body.to_string()),
            header: None,
            repeatable: true,
            leaves: &leaves,
        })
        .await?;
    marks.reach(Moment::Answer);
    world.note(|all| {
        for (thing, count) in leaves {
            all.answered(thing, count);
        }
        all.ratings.insert(answer);
        all.entries += 1;
    });
    Ok(())
}
