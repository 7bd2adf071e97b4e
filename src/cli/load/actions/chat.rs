//! A question whose answer is read as it comes.

use reqwest::Method;

use crate::cli::load::actions::error::ActionError;
use crate::cli::load::actions::frames::{LoadFrames, StreamStep};
use crate::cli::load::actions::marks::Marks;
use crate::cli::load::actions::world::{Ask, LoadWorld};
use crate::cli::load::measure::acknowledged::KeptThing;
use crate::cli::load::measure::kind::Moment;

/// Asks, and reads the whole answer.
pub async fn ask(world: &LoadWorld, person: usize, marks: &mut Marks) -> Result<(), ActionError> {
    let body = world.question("Where are pages counted from?");
    let response = world
        .send(&Ask {
            method: Method::POST,
            path: "api/navi/chat/stream/v2",
            person,
            body: Some(body.to_string()),
            header: None,
            repeatable: false,
            leaves: &[(KeptThing::Answers, 1), (KeptThing::Entries, 1)],
        })
        .await?;
    world.note(|all| {
        all.answered(KeptThing::Entries, 1);
        all.entries += 1;
    });
    let mut frames = LoadFrames::of(response);
    let mut answer = None;
    let mut failure = None;
    while let StreamStep::Frame(frame) = frames.next().await? {
        world.met_model(&frame);
        match frame["type"].as_str().unwrap_or_default() {
            "text" => marks.reach(Moment::FirstToken),
            "generation_logged" => answer = frame["gen_id"].as_i64(),
            "error" => failure = frame["code"].as_str().map(str::to_owned),
            _ => {}
        }
    }
    marks.reach(Moment::End);
    if let Some(code) = failure {
        return Err(ActionError::Unhappy(code));
    }
    let answer = answer.ok_or(ActionError::Garbled)?;
    world.note(|all| {
        all.answered(KeptThing::Answers, 1);
        all.answers.insert(answer);
    });
    world.offer_to_rate(person, answer);
    Ok(())
}
