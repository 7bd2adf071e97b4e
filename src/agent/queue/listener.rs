//! Attention to other processes: what they tell, and what is found by looking when nobody told.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::agent::error::Error;
use crate::agent::service::AgentService;
use crate::platform::ids::RunId;
use crate::platform::signals::Signal;
use crate::runs::lease;
use crate::runs::store::runs;
use crate::runs::topics::WAITING;
use crate::runs::topics::{EVENTS, FOLLOWED};

/// How often everything is looked at, whatever was told.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often this process looks for runs that it holds and does not work on; one that is found twice
/// is put back.
const STRAYS_EVERY: Duration = Duration::from_secs(5);

impl AgentService {
    pub(crate) async fn attend(&self) {
        let mut signals = self.services().signals.subscribe();
        let mut looking = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        looking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut straying = interval_at(Instant::now() + STRAYS_EVERY, STRAYS_EVERY);
        straying.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut strays = HashSet::new();
        loop {
            tokio::select! {
                heard = signals.recv() => match heard {
                    Ok(Signal::Changed { topic, subject, number }) => {
                        self.heard(&topic, &subject, number);
                    }
                    Ok(Signal::Missed) | Err(RecvError::Lagged(_)) => self.look().await,
                    Err(RecvError::Closed) => return,
                },
                _ = looking.tick() => self.look().await,
                _ = straying.tick() => match self.let_strays_go(&strays).await {
                    Ok(found) => strays = found,
                    Err(error) => tracing::debug!(%error, "strays cannot be looked for"),
                },
            }
        }
    }

    fn heard(&self, topic: &str, subject: &str, number: i64) {
        let services = self.services();
        match (topic, subject.parse()) {
            (EVENTS, Ok(run_id)) => services.followers.heard(run_id, number),
            (FOLLOWED, Ok(run_id)) => services.followers.heard_follower(run_id),
            (CANCEL, Ok(run_id)) => {
                services.followers.cancel(run_id);
            }
            (WAITING, _) => self.wake(),
            (ANSWERS, _) => {
                services.questions.wake();
                services.consents.wake();
            }
            _ => {}
        }
    }

    async fn look(&self) {
        if let Err(error) = self.try_to_look().await {
            tracing::debug!(%error, "other processes cannot be looked after");
        }
    }

    /// Looks at what this process follows and works on: two small queries, however many streams and
    /// runs there are. What waits and who answered is looked at by those who wait.
    async fn try_to_look(&self) -> Result<(), Error> {
        let services = self.services();
        let elsewhere = services.followers.elsewhere();
        let term = services.lease.term();
        let works = services.followers.count() > 0;
        if elsewhere.is_empty() && !works {
            return Ok(());
        }
        let mut conn = services.db.acquire().await?;
        for (run_id, last) in runs::heads(&mut conn, &elsewhere).await? {
            services.followers.heard(run_id, last);
        }
        if let Some(term) = term.filter(|_| works) {
            for run_id in lease::store::cancelled(&mut conn, term.worker).await? {
                services.followers.cancel(run_id);
            }
        }
        Ok(())
    }

    /// Puts back the runs that this process holds without working on them, if they were `known` for
    /// that before. There are some when the answer to a commit was lost, or when a request was given
    /// up by its client between the commit and the work; nobody else would ever take them, because
    /// this process lives. Answers with those that are new.
    async fn let_strays_go(
        &self,
        known: &HashSet<(RunId, i64)>,
    ) -> Result<HashSet<(RunId, i64)>, Error> {
        let services = self.services();
        let Some(term) = services.lease.term() else {
            return Ok(HashSet::new());
        };
        let mut conn = services.db.acquire().await?;
        let held = lease::store::held(&mut conn, term.worker).await?;
        let mut strays = HashSet::new();
        for (org_id, run_id, fence) in held {
            if services.followers.works_on(run_id, fence) {
                continue;
            }
            if !known.contains(&(run_id, fence)) {
                strays.insert((run_id, fence));
                continue;
            }
            tracing::warn!(run.id = %run_id, "a run was held and not worked on; it is put back");
            let now = services.clock.now();
            runs::release_run(&mut conn, &org_id, run_id, fence, now).await?;
            self.wake();
        }
        Ok(strays)
    }
}
