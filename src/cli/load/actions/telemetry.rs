//! A batch of events, as an editor reports them.

use std::sync::LazyLock;

use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::load::actions::error::ActionError;
use crate::cli::load::actions::marks::Marks;
use crate::cli::load::actions::world::{Ask, LoadWorld};
use crate::cli::load::measure::acknowledged::KeptThing;
use crate::cli::load::measure::kind::Moment;

/// The events of a batch: what gathers in an editor between two reports.
const EVENTS: u64 = 10;

static BATCH: LazyLock<String> = LazyLock::new(|| {
    let event = |number: u64| {
        json!({
            "type": if number.is_multiple_of(5) { "navi.streaming.performance" } else { "navi.user.interaction" },
            "sessionId": "load-session",
            "data": {
                "action": "accept", "view": "chat", "model": "claude-sonnet-4", "success": true,
                "time_to_first_token_ms": 180 + number, "tokens": 900 + number,
                "notes": "the panel rendered a request of the workspace while a stream was open; "
                    .repeat(3),
            },
        })
    };
    json!((0..EVENTS).map(event).collect::<Vec<_>>()).to_string()
});

/// Reports a batch.
pub async fn report(
    world: &LoadWorld,
    person: usize,
    marks: &mut Marks,
) -> Result<(), ActionError> {
    let name = world.fresh_name();
    let body = format!(r#"{{"batchId":"{name}","events":{}}}"#, *BATCH);
    let answer = world
        .send_and_read(&Ask {
            method: Method::POST,
            path: "api/telemetry",
            person,
            body: Some(body),
            header: None,
            repeatable: true,
            leaves: &[(KeptThing::Events, EVENTS)],
        })
        .await?;
    marks.reach(Moment::Answer);
    let stored = answer["eventsPersisted"].as_u64();
    let stored = stored.ok_or(ActionError::Garbled)?;
    world.note(|all| {
        all.answered(KeptThing::Events, EVENTS);
        all.batches.insert(name, stored);
    });
    if answer["success"] == Value::Bool(true) {
        Ok(())
    } else {
        let reason = "events that were not stored";
        Err(ActionError::Unhappy(reason.to_owned()))
    }
}
