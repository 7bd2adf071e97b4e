//! A whole load: the stand is set up, stage follows stage, rows are compared, the stand is taken down.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cli::failure::Failure;
use crate::cli::load::actions::chat;
use crate::cli::load::actions::error::ActionError;
use crate::cli::load::actions::followers::FollowedJob;
use crate::cli::load::actions::marks::Marks;
use crate::cli::load::actions::world::LoadWorld;
use crate::cli::load::drive::arrivals::{Arrival, Crowd};
use crate::cli::load::drive::knee::{KneeRule, KneeSearch};
use crate::cli::load::drive::plan::StagePlan;
use crate::cli::load::drive::stage::Driver;
use crate::cli::load::measure::kind::UserAction;
use crate::cli::load::parity::settle::Settling;
use crate::cli::load::report::measured::{Knee, MachineUse, ParityLine, StageKind, StageReport};
use crate::cli::load::stand::own_servers::OwnServers;
use crate::cli::load::watch::exposition::Exposition;
use crate::cli::load::watch::observatory::Observatory;
use crate::cli::load::watch::process::processors;
use crate::cli::terminal::progress::Progress;

/// The pause before the first action of a stage.
const BREATH: Duration = Duration::from_millis(100);
/// The people that ask at once for answers that can be rated.
const ASKERS: usize = 16;

/// A load that is under way.
pub struct LoadRun {
    /// The world that users share.
    pub world: Arc<LoadWorld>,
    /// The driver of the users.
    pub driver: Driver,
    /// The place from which everything is watched.
    pub observatory: Observatory,
    /// The crowd, whose number changes from stage to stage.
    pub crowd: Crowd,
    /// The seed of the arrivals.
    pub seed: u64,
    /// This program's own servers.
    pub own: Option<OwnServers>,
    /// Times that a server is killed in a stage of that kind.
    pub kills: u32,
    /// The line that says how far it is.
    pub progress: Progress,
}

impl LoadRun {
    /// One stage.
    pub async fn stage(&mut self, plan: &StagePlan) -> Result<StageReport, Failure> {
        let crowd = Crowd {
            users: plan.users,
            ..self.crowd
        };
        let (kind, seconds) = (plan.kind.name(), plan.lasts.as_secs());
        let line = format!("{kind}: {} users for {seconds} s", plan.users);
        self.progress.show(&line);
        self.seed = self.seed.wrapping_add(1);
        let arrivals = crowd.arrivals(plan.lasts, self.seed);
        self.prepare(&arrivals).await?;
        let stop = CancellationToken::new();
        let watching = self.observatory.clone().watch(stop.clone());
        let watching = self.driver.tasks.spawn(watching);
        let began = Instant::now() + BREATH;
        let driver = self.driver.clone();
        let (tally, killed) =
            tokio::join!(driver.run(&arrivals, began), self.kill_servers(plan, began));
        killed?;
        let lasted = began.elapsed().max(plan.lasts);
        stop.cancel();
        let observed = watching.await.map_err(std::io::Error::other)?;
        Ok(StageReport {
            kind: plan.kind,
            users: plan.users,
            rate: crowd.scenario.rate(crowd.users, crowd.pace),
            seconds: lasted.as_secs_f64(),
            actions: tally.report(),
            server: observed.server,
            database: observed.database,
            machine: MachineUse {
                count: processors(),
                processors: observed.processors,
                own_processors: observed.own_processors,
                lag: tally.lag(),
            },
        })
    }

    /// Goes on to more and more users after these steps, as long as they are served well.
    pub async fn to_the_knee(
        &mut self,
        rule: &KneeRule,
        most: u32,
        lasts: Duration,
        stages: &mut Vec<StageReport>,
    ) -> Result<Option<Knee>, Failure> {
        let steps = stages
            .iter()
            .filter(|stage| stage.kind == StageKind::Steady);
        let mut steps: Vec<_> = steps.cloned().collect();
        steps.sort_by_key(|stage| stage.users);
        let (Some(first), Some(last)) = (steps.first().cloned(), steps.last()) else {
            return Ok(None);
        };
        if most <= last.users {
            return Ok(None);
        }
        let mut search = KneeSearch::default();
        let mut worst = None;
        for stage in &steps {
            let faults = rule.faults(stage, &first);
            if !faults.is_empty() && worst.is_none() {
                worst = Some(stage.clone());
            }
            search.note(stage.users, faults);
        }
        while let Some(users) = search.next(most) {
            let plan = StagePlan {
                kind: StageKind::Beyond,
                users,
                lasts,
            };
            let stage = self.stage(&plan).await?;
            let faults = rule.faults(&stage, &first);
            if !faults.is_empty() {
                worst = Some(stage.clone());
            }
            search.note(users, faults);
            stages.push(stage);
        }
        Ok(Some(
            search.found(worst.as_ref().map_or(Vec::new(), used_up)),
        ))
    }

    /// Compares the rows with what was acknowledged.
    pub async fn compare(
        &self,
        orgs: &[String],
        since: DateTime<Utc>,
        before: Option<&Exposition>,
        alone: bool,
    ) -> Result<Vec<ParityLine>, Failure> {
        // A server that is killed has no time to write down the answer that it just got.
        let own = self.own.as_ref().filter(|_| before.is_some());
        let settling = Settling {
            calls: own.map(OwnServers::calls),
            world: &self.world,
            observatory: &self.observatory,
            orgs,
            since,
            before,
            alone,
        };
        Ok(settling.compare(self.driver.patience).await?)
    }

    /// Opens event streams that stay open.
    pub async fn begin_following(&self, count: u32) -> Result<Option<FollowedJob>, Failure> {
        if count == 0 {
            return Ok(None);
        }
        let followed = FollowedJob::begin(&self.world, count, &self.driver.tasks).await;
        followed.map(Some).map_err(|error| not_followed(&error))
    }

    /// Closes them.
    pub async fn end_following(&self, followed: Option<FollowedJob>) -> Result<(), Failure> {
        match followed {
            Some(followed) => {
                let ended = followed.end(&self.world).await;
                ended.map_err(|error| not_followed(&error))
            }
            None => Ok(()),
        }
    }

    /// Kills servers at even distances of a stage that is for that.
    async fn kill_servers(&mut self, plan: &StagePlan, began: Instant) -> Result<(), Failure> {
        let (StageKind::Kill, Some(own)) = (plan.kind, &mut self.own) else {
            return Ok(());
        };
        for turn in 0..self.kills {
            let at = plan.lasts * (turn + 1) / (self.kills + 1);
            tokio::time::sleep_until(began + at).await;
            own.kill(turn).await?;
        }
        Ok(())
    }

    /// Has answers made that the ratings of a stage are for.
    async fn prepare(&self, arrivals: &[Arrival]) -> Result<(), Failure> {
        let ratings = arrivals
            .iter()
            .filter(|arrival| arrival.action == UserAction::Feedback);
        let mut missing = ratings.count().saturating_sub(self.world.rateable());
        while missing > 0 {
            let now = missing.min(ASKERS);
            let asking = (0..now).map(|asker| self.ask(missing + asker));
            let answered = join_all(asking).await;
            answered
                .into_iter()
                .collect::<Result<Vec<()>, _>>()
                .map_err(|error| {
                    Failure::Load(format!("no answer is available for rating: {error}"))
                })?;
            missing -= now;
        }
        Ok(())
    }

    async fn ask(&self, number: usize) -> Result<(), ActionError> {
        let person = number % self.world.people();
        chat::ask(&self.world, person, &mut Marks::since(Instant::now())).await
    }
}

fn not_followed(error: &ActionError) -> Failure {
    Failure::Load(format!("the job that is followed: {error}"))
}

/// The things that were used up in a stage.
fn used_up(stage: &StageReport) -> Vec<String> {
    let mut all = Vec::new();
    let machine = &stage.machine;
    if machine.processors > 0.9 * f64::from(machine.count) {
        all.push(format!(
            "{:.1} of {} processors, {:.1} of them by the load itself",
            machine.processors, machine.count, machine.own_processors
        ));
    }
    if let Some(server) = &stage.server {
        if server.waiting_most > 0.0 {
            all.push(format!(
                "database connections: {:.0} callers waited",
                server.waiting_most
            ));
        }
        if server.queued_most > 0.0 {
            all.push(format!(
                "places for runs: {:.0} waited, {:.0} were under way",
                server.queued_most, server.runs_most
            ));
        }
    }
    all
}
