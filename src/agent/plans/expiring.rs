//! The end of plans that are never started.

use std::time::Duration;

use chrono::TimeDelta;

use crate::agent::conclude::Reason;
use crate::agent::error::Error;
use crate::agent::model::Stopped;
use crate::agent::plans::store;
use crate::agent::service::AgentService;

/// The days that a plan waits to be started.
const KEPT_DAYS: i64 = 7;
/// The pause between two looks for plans to end.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// Plans that are ended together.
const AT_ONCE: i64 = 100;

impl AgentService {
    /// Ends plans that are never started, for as long as this process lives.
    pub fn keep_ending_plans(&self) {
        let service = self.clone();
        let stopping = service.services().tasks.stopping();
        self.services().tasks.spawn(async move {
            let ending = async {
                loop {
                    tokio::time::sleep(LOOK_EVERY).await;
                    if let Err(error) = Box::pin(service.end_unstarted_plans()).await {
                        tracing::warn!(%error, "plans that were never started are not ended");
                    }
                }
            };
            stopping.run_until_cancelled(ending).await;
        });
    }

    /// Ends the plans that were not started within a week. Answers how many there were.
    pub async fn end_unstarted_plans(&self) -> Result<usize, Error> {
        let services = self.services();
        let before = services.clock.now() - TimeDelta::days(KEPT_DAYS);
        let mut conn = services.db.acquire().await?;
        let found = store::unstarted(&mut conn, before, AT_ONCE).await?;
        drop(conn);
        let text = format!("the plan was not started within {KEPT_DAYS} days");
        let reason = Reason::failed(Stopped::Cancelled, text, "PLAN_NOT_STARTED");
        let mut ended = 0;
        for (org_id, run_id) in found {
            // None when another process ends or starts it at this moment.
            if let Some(taken) = self.take_to_end(&org_id, run_id).await? {
                self.end_taken(&taken, &reason).await;
                ended += 1;
            }
        }
        Ok(ended)
    }
}
