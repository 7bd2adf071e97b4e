//! The worker of this process: takes runs that wait, and runs whose worker was lost.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use crate::agent::error::Error;
use crate::agent::execution::run_loop::Entrance;
use crate::agent::finish::abandoned::{Reason, conclude};
use crate::agent::service::{AgentService, Work};
use crate::exec::sweep::sweep;
use crate::platform::ids::OrgId;
use crate::platform::ids::RunId;
use crate::runs::event_data::ResumeReason;
use crate::runs::lease;
use crate::runs::lease::keeper::Term;
use crate::runs::lease::model::{Shares, Taken};
use crate::runs::model::{RunKind, Stopped};
use crate::runs::store::runs;

/// How often the worker looks when nobody wakes it. An orphan is found this long after its worker's
/// lease has ended.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Runs that are taken together, at most.
const TAKE: usize = 32;
/// How often a run may lose its worker before it is given up: maybe it is what ends them.
const MAX_TAKEOVERS: i32 = 10;

impl AgentService {
    /// Starts this process's worker and its attention to other processes.
    pub fn start_working(&self) {
        let tasks = &self.services().tasks;
        let parts = [Part::Working, Part::Attending];
        let works = self.config().worker;
        for part in parts
            .into_iter()
            .filter(|part| works || *part == Part::Attending)
        {
            let service = self.clone();
            tasks.spawn(async move {
                let stopping = service.stopping().clone();
                let work = async {
                    match part {
                        Part::Working => service.work().await,
                        Part::Attending => service.attend().await,
                    }
                };
                stopping.run_until_cancelled(work).await;
            });
        }
    }

    async fn work(&self) {
        loop {
            if let Err(error) = self.take_what_waits().await {
                tracing::warn!(?error, "waiting runs cannot be taken");
            }
            tokio::select! {
                () = self.woken() => {}
                () = tokio::time::sleep(LOOK_EVERY) => self.count_what_waits().await,
            }
        }
    }

    async fn count_what_waits(&self) {
        let services = self.services();
        let count = async {
            let mut conn = services.db.acquire().await?;
            runs::count_waiting(&mut conn).await
        };
        if let Ok(count) = count.await {
            services.metrics.navi_runs_waiting.set(count);
        }
    }

    /// Takes as many runs as there are places for.
    async fn take_what_waits(&self) -> Result<(), Error> {
        loop {
            let Some(term) = self.services().lease.term() else {
                return Ok(());
            };
            // The places are not held meanwhile: an interactive run that comes now finds them.
            let free = self.places().available_permits().min(TAKE);
            if free == 0 {
                return Ok(());
            }
            let limit = i64::try_from(free).unwrap_or(i64::MAX);
            let taken = self.take(&term, limit).await?;
            if taken.is_empty() {
                return Ok(());
            }
            for taken in taken {
                let (service, term) = (self.clone(), term.clone());
                let place = self.places().clone().try_acquire_owned().ok();
                self.services().tasks.spawn(async move {
                    match place {
                        Some(place) => service.take_up(taken, place, term).await,
                        None => service.let_go(&taken).await,
                    }
                });
            }
        }
    }

    async fn take(&self, term: &Term, limit: i64) -> Result<Vec<Taken>, Error> {
        let config = self.config();
        let shares = Shares {
            per_org: i64::from(config.max_runs_per_org),
            total: i64::from(config.max_runs_total),
        };
        let services = self.services();
        let mut tx = services.db.begin().await?;
        lease::store::take_alone(&mut tx).await?;
        let chosen = lease::store::choose(&mut tx, limit, shares).await?;
        if chosen.is_empty() {
            // Said, and not left to the drop, or all others that take would wait for it.
            tx.rollback().await?;
            return Ok(Vec::new());
        }
        let now = services.clock.now();
        let taken = lease::store::take(&mut tx, term.worker, &chosen, now).await?;
        tx.commit().await?;
        let orphans = taken.iter().filter(|taken| taken.was_orphan).count();
        services
            .metrics
            .navi_lease_takeovers_total
            .inc_by(orphans as u64);
        Ok(taken)
    }

    /// Takes one waiting run for this process, whatever the shares: to end it. Answers nothing when
    /// somebody else has just taken it.
    pub(crate) async fn take_to_end(
        &self,
        org_id: &OrgId,
        run_id: RunId,
    ) -> Result<Option<Taken>, Error> {
        let services = self.services();
        let term = services.lease.term().ok_or(Error::NoLease)?;
        let mut tx = services.db.begin().await?;
        let wanted = [(org_id.clone(), run_id)];
        let now = services.clock.now();
        let mut taken = lease::store::take(&mut tx, term.worker, &wanted, now).await?;
        tx.commit().await?;
        Ok(taken.pop())
    }

    /// Goes on with a run, or ends it when that cannot be done.
    async fn take_up(&self, mut taken: Taken, place: OwnedSemaphorePermit, term: Term) {
        if taken.was_orphan {
            // What its last worker started, should that have been on this machine.
            let left = sweep(&taken.run.id.to_string()).await;
            tracing::warn!(run.id = %taken.run.id, left, "a run is taken over from a lost worker");
        }
        if let Some(reason) = give_up(&taken) {
            return self.end_taken(&taken, &reason).await;
        }
        let equipment = match self.prepare_again(&taken.run).await {
            Ok(equipment) => equipment,
            Err(error) => {
                let text = format!("the run cannot go on: {error}");
                let reason = Reason::failed(Stopped::InternalError, text, "RUN_NOT_RESUMABLE");
                return self.end_taken(&taken, &reason).await;
            }
        };
        let past = match self.past(&taken).await {
            Ok(past) => past,
            Err(Error::Database(
                error @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)),
            )) => {
                tracing::error!(run.id = %taken.run.id, %error, "a run's past cannot be read");
                let text = "the run cannot go on: its past cannot be read by this version";
                let reason = Reason::failed(Stopped::InternalError, text, "RUN_NOT_RESUMABLE");
                return self.end_taken(&taken, &reason).await;
            }
            Err(error) => {
                tracing::warn!(run.id = %taken.run.id, ?error, "a run's past cannot be read now");
                return self.let_go(&taken).await;
            }
        };
        let route = &equipment.0;
        let provider = &mut taken.run.model.provider;
        route.provider_id.as_str().clone_into(provider);
        taken.run.model.model.clone_from(&route.provider_model);
        let entrance = entrance(&taken);
        self.set_to_work(Work {
            taken,
            equipment,
            past,
            entrance,
            place,
            term,
        });
    }

    pub(crate) async fn end_taken(&self, taken: &Taken, reason: &Reason) {
        let (run, fence) = (&taken.run, taken.hold.fence);
        conclude(self.services(), run, fence, reason, self.stopping()).await;
        self.wake();
    }

    /// Puts a run back that could not be taken up.
    async fn let_go(&self, taken: &Taken) {
        let services = self.services();
        let (run, fence) = (&taken.run, taken.hold.fence);
        let released = async {
            let mut conn = services.db.acquire().await?;
            let now = services.clock.now();
            runs::release_run(&mut conn, &run.org_id, run.id, fence, now).await
        };
        if let Err(error) = released.await {
            tracing::warn!(run.id = %run.id, %error, "a run was not put back");
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Working,
    Attending,
}

/// How a run comes here. The log of a job that nobody began with holds that it was accepted, and
/// nothing else.
fn entrance(taken: &Taken) -> Entrance {
    if taken.run.kind == RunKind::Job && taken.hold.last <= 1 {
        return Entrance::FirstTaken;
    }
    Entrance::Resumed {
        reason: if taken.was_orphan {
            ResumeReason::WorkerLost
        } else {
            ResumeReason::Released
        },
        settled: taken.settled,
    }
}

/// Why a run is ended instead of taken up.
fn give_up(taken: &Taken) -> Option<Reason> {
    if taken.cancelled {
        return Some(Reason::cancelled());
    }
    if !taken.is_readable {
        let text = "the run cannot go on: its request cannot be read by this version";
        let stopped = Stopped::InternalError;
        return Some(Reason::failed(stopped, text, "RUN_NOT_RESUMABLE"));
    }
    (taken.takeovers > MAX_TAKEOVERS).then(|| {
        let text = format!(
            "the run lost its worker {} times and is given up; the server's log may say why",
            taken.takeovers
        );
        Reason::failed(Stopped::InternalError, text, "RUN_GIVEN_UP")
    })
}
