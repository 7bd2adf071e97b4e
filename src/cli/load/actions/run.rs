//! A task that is done while its user watches.

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::cli::load::actions::error::ActionError;
use crate::cli::load::actions::frames::{LoadFrames, StreamStep};
use crate::cli::load::actions::marks::Marks;
use crate::cli::load::actions::world::{Ask, LoadWorld};
use crate::cli::load::measure::acknowledged::KeptThing;
use crate::cli::load::measure::kind::Moment;

/// The task that the agent is asked to do.
pub const TASK: &str = "Find out where invoices are rounded.";

/// The things that a run leaves behind.
pub const LEAVES: &[(KeptThing, u64)] = &[
    (KeptThing::Runs, 1),
    (KeptThing::Ends, 1),
    (KeptThing::Answers, 1),
    (KeptThing::Entries, 1),
];

/// Has a task done and reads its events to the end.
pub async fn watch(world: &LoadWorld, person: usize, marks: &mut Marks) -> Result<(), ActionError> {
    let response = world
        .send(&Ask {
            method: Method::POST,
            path: "api/navi/chat/autonomous",
            person,
            body: Some(world.task(TASK, person).to_string()),
            header: None,
            repeatable: false,
            leaves: LEAVES,
        })
        .await?;
    world.note(|all| {
        all.answered(KeptThing::Entries, 1);
        all.entries += 1;
    });
    let mut frames = LoadFrames::of(response);
    let mut seen = SeenRun::default();
    while let StreamStep::Frame(frame) = frames.next().await? {
        seen.see(world, &frame, marks);
    }
    marks.reach(Moment::End);
    seen.over(world)
}

/// The facts that the events of a run have told so far.
#[derive(Debug, Default)]
pub struct SeenRun {
    run: Option<Uuid>,
    summary: Option<Value>,
}

impl SeenRun {
    /// A run of which nothing but its number was told.
    pub fn of(run: Uuid) -> Self {
        Self {
            run: Some(run),
            summary: None,
        }
    }

    /// Notes what an event says.
    pub fn see(&mut self, world: &LoadWorld, frame: &Value, marks: &mut Marks) {
        world.met_model(frame);
        match frame["type"].as_str().unwrap_or_default() {
            "text" => marks.reach(Moment::FirstToken),
            "status" if self.run.is_none() => self.learn_number(world, frame),
            "generation_logged" => note_answer(world, frame),
            "complete" => self.summary = Some(frame["summary"].clone()),
            _ => {}
        }
    }

    fn learn_number(&mut self, world: &LoadWorld, frame: &Value) {
        let number = frame["task_id"].as_str().and_then(|id| id.parse().ok());
        if let Some(run) = number {
            self.run = Some(run);
            world.note(|all| {
                all.answered(KeptThing::Runs, 1);
                all.runs.insert(run);
            });
        }
    }

    /// Notes the end, which must be a good one.
    pub fn over(self, world: &LoadWorld) -> Result<(), ActionError> {
        let (Some(run), Some(summary)) = (self.run, self.summary) else {
            return Err(ActionError::Garbled);
        };
        world.note(|all| {
            all.answered(KeptThing::Ends, 1);
            all.ends.insert(run);
        });
        if summary["success"] == Value::Bool(true) {
            return Ok(());
        }
        let reason = summary["stopped_reason"].as_str().unwrap_or("no reason");
        Err(ActionError::Unhappy(reason.to_owned()))
    }
}

fn note_answer(world: &LoadWorld, frame: &Value) {
    if let Some(answer) = frame["gen_id"].as_i64() {
        world.note(|all| {
            // One that is read again after a lost connection is known.
            if all.answers.insert(answer) {
                all.answered(KeptThing::Answers, 1);
            }
        });
    }
}
