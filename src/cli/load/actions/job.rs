//! A task that is done in the background, and followed over a connection that breaks.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use crate::cli::load::actions::error::ActionError;
use crate::cli::load::actions::frames::{LoadFrames, StreamStep};
use crate::cli::load::actions::marks::Marks;
use crate::cli::load::actions::run::{LEAVES, SeenRun, TASK};
use crate::cli::load::actions::world::{Ask, LoadWorld};
use crate::cli::load::measure::acknowledged::KeptThing;
use crate::cli::load::measure::kind::Moment;

/// Times that a follower leaves and comes back.
const LEAVES_OFF: u32 = 2;
/// The events after which it does.
const READS: u32 = 3;
/// The pause before it asks again for a stream that was cut off.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks for a job and follows it to its end, leaving twice on the way.
pub async fn follow(
    world: &LoadWorld,
    person: usize,
    marks: &mut Marks,
) -> Result<(), ActionError> {
    let job = ask(world, person, &world.task(TASK, person), LEAVES).await?;
    marks.reach(Moment::Answer);
    let mut follower = JobFollower {
        world,
        person,
        job,
        last: 0,
        seen: SeenRun::of(job),
    };
    follower.read_all(marks).await?;
    marks.reach(Moment::End);
    follower.seen.over(world)
}

/// Asks for a job, and notes its run.
pub async fn ask(
    world: &LoadWorld,
    person: usize,
    task: &Value,
    leaves: &'static [(KeptThing, u64)],
) -> Result<Uuid, ActionError> {
    let answer = world
        .send_and_read(&Ask {
            method: Method::POST,
            path: "api/jobs",
            person,
            body: Some(task.to_string()),
            header: Some(("idempotency-key", world.fresh_name())),
            repeatable: true,
            leaves,
        })
        .await?;
    let job = answer["job"]["job_id"].as_str();
    let job: Uuid = job
        .and_then(|id| id.parse().ok())
        .ok_or(ActionError::Garbled)?;
    world.note(|all| {
        all.answered(KeptThing::Entries, 1);
        all.answered(KeptThing::Runs, 1);
        all.entries += 1;
        all.runs.insert(job);
    });
    Ok(job)
}

/// Connects to the events of a job that come after one of them; 0 stands before the first.
pub async fn events_after(
    world: &LoadWorld,
    person: usize,
    job: Uuid,
    last: u64,
) -> Result<LoadFrames, ActionError> {
    let ask = Ask {
        method: Method::GET,
        path: &format!("api/jobs/{job}/events"),
        person,
        body: None,
        header: Some(("last-event-id", last.to_string())),
        repeatable: true,
        leaves: &[],
    };
    Ok(LoadFrames::of(world.send(&ask).await?))
}

/// A follower of a job, over one connection after the other.
struct JobFollower<'w> {
    world: &'w LoadWorld,
    person: usize,
    job: Uuid,
    /// The number of the last event that was read.
    last: u64,
    seen: SeenRun,
}

/// Why a connection is over.
enum JobFollowEnd {
    /// The last event was read.
    Done,
    /// The follower left.
    Left,
}

impl JobFollower<'_> {
    async fn read_all(&mut self, marks: &mut Marks) -> Result<(), ActionError> {
        let mut stays = 0;
        loop {
            let reads = (stays < LEAVES_OFF).then_some(READS);
            match self.stay(reads, stays > 0, marks).await {
                Ok(JobFollowEnd::Done) => return Ok(()),
                Ok(JobFollowEnd::Left) => stays += 1,
                // Its server is gone; another one knows the rest.
                Err(ActionError::CutOff) => {
                    stays += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads over one connection, so many events or all.
    async fn stay(
        &mut self,
        reads: Option<u32>,
        resumed: bool,
        marks: &mut Marks,
    ) -> Result<JobFollowEnd, ActionError> {
        let asked = Instant::now();
        let mut frames = events_after(self.world, self.person, self.job, self.last).await?;
        let mut read = 0;
        loop {
            let StreamStep::Frame(frame) = frames.next().await? else {
                return Ok(JobFollowEnd::Done);
            };
            let Some(sequence) = frame["sequence"].as_u64() else {
                continue;
            };
            if resumed && read == 0 {
                marks.took(Moment::Resume, asked.elapsed());
            }
            read += 1;
            self.take(&frame, sequence, marks)?;
            if reads == Some(read) {
                return Ok(JobFollowEnd::Left);
            }
        }
    }

    fn take(&mut self, frame: &Value, sequence: u64, marks: &mut Marks) -> Result<(), ActionError> {
        if frame["type"] == "job_terminal" {
            // It repeats the number of the last event.
            return Ok(());
        }
        if sequence != self.last + 1 {
            return Err(ActionError::Torn);
        }
        self.last = sequence;
        self.seen.see(self.world, frame, marks);
        Ok(())
    }
}
