//! People who only follow: event streams of one job that are open as long as the load lasts.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cli::load::actions::error::ActionError;
use crate::cli::load::actions::frames::StreamStep;
use crate::cli::load::actions::job;
use crate::cli::load::actions::world::{Ask, LoadWorld};
use crate::cli::load::measure::acknowledged::KeptThing;
use crate::platform::tasks::Tasks;

/// The person whose job is followed.
const OWNER: usize = 0;
/// The pause before a follower asks again for a stream that was cut off.
const PAUSE: Duration = Duration::from_millis(200);

/// The rows that asking for it leaves. Its end may be recorded or not: no process has worked on it.
const LEAVES: &[(KeptThing, u64)] = &[
    (KeptThing::Runs, 1),
    (KeptThing::Ends, 1),
    (KeptThing::Entries, 1),
];

/// A job that waits to be started, and those who follow it.
#[derive(Debug)]
pub struct FollowedJob {
    job: Uuid,
    leave: CancellationToken,
}

impl FollowedJob {
    /// Asks for the job, and has so many people follow it.
    pub async fn begin(
        world: &Arc<LoadWorld>,
        followers: u32,
        tasks: &Tasks,
    ) -> Result<Self, ActionError> {
        let task = json!({"message": "Wait.", "auto_start": false});
        let job = job::ask(world, OWNER, &task, LEAVES).await?;
        let leave = CancellationToken::new();
        for _ in 0..followers {
            let (world, leave) = (world.clone(), leave.clone());
            tasks.spawn(async move {
                leave.run_until_cancelled(follow(&world, job)).await;
            });
        }
        Ok(Self { job, leave })
    }

    /// Sends the followers away and ends the job.
    pub async fn end(self, world: &LoadWorld) -> Result<(), ActionError> {
        self.leave.cancel();
        let path = format!("api/jobs/{}/cancel", self.job);
        let ask = Ask {
            method: Method::POST,
            path: &path,
            person: OWNER,
            body: None,
            header: None,
            repeatable: true,
            leaves: &[],
        };
        world.send_and_read(&ask).await.map(drop)
    }
}

/// Reads events and heartbeats for ever.
async fn follow(world: &LoadWorld, job: Uuid) {
    loop {
        if let Ok(mut frames) = job::events_after(world, OWNER, job, 0).await {
            while let Ok(StreamStep::Frame(_)) = frames.next().await {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}
