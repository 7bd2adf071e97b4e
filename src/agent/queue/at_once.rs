//! Takes a job in the transaction that writes it, where its turn has come by then.
//!
//! A job whose turn comes at once needs no queue: another transaction, another look at its folder, and the
//! signals between them would be most of what its client waits for before the first word.

use sqlx::PgConnection;
use tokio::sync::OwnedSemaphorePermit;

use crate::agent::execution::build::Equipment;
use crate::agent::intake::prepare::Prepared;
use crate::agent::queue::start::{RunAssignment, set_to_work};
use crate::agent::queue::worker::shares;
use crate::agent::runner::primitives::Origin;
use crate::agent::runner::resumed::ResumeState;
use crate::agent::service::AgentService;
use crate::runs::lease;
use crate::runs::lease::keeper::Term;
use crate::runs::lease::model::ClaimedRun;
use crate::runs::model::{Run, RunClaim, RunStatus};

/// A place in this process for a job that is being written.
pub(crate) struct FreePlace {
    slot: OwnedSemaphorePermit,
    term: Term,
}

impl FreePlace {
    /// A place, if this process takes jobs and has one.
    pub(crate) fn of(service: &AgentService) -> Option<Self> {
        if !service.takes_jobs() || service.stopping().is_cancelled() {
            return None;
        }
        let term = service.deps().lease.term()?;
        let slot = service.slots().clone().try_acquire_owned().ok()?;
        Some(Self { slot, term })
    }

    /// Takes a job that this transaction has written, with its first event, if no other waits. The shares count
    /// as they do for a worker; where another process counts just now, the job waits.
    pub(crate) async fn take(
        &self,
        conn: &mut PgConnection,
        service: &AgentService,
        run: &Run,
    ) -> sqlx::Result<Option<ClaimedRun>> {
        if !lease::store::try_take_alone(conn).await? {
            return Ok(None);
        }
        let (deps, worker) = (service.deps(), self.term.worker);
        let (shares, now) = (shares(&deps.config), deps.clock.now());
        let taken =
            lease::store::take_written(conn, worker, &run.org_id, run.id, shares, now).await?;
        let claim = RunClaim {
            last: 1,
            fence: 1,
            status: RunStatus::Running,
        };
        Ok(taken.then(|| ClaimedRun::now(run.clone(), claim)))
    }

    /// Works on a job that was taken, once the transaction that wrote it is committed.
    pub(crate) fn work_on(self, service: &AgentService, claimed: ClaimedRun, prepared: Prepared) {
        let assignment = RunAssignment {
            claimed,
            equipment: Equipment {
                route: prepared.route,
                workspace: prepared.workspace,
                resumed: ResumeState::default(),
            },
            origin: Origin::Dequeued,
            slot: self.slot,
            term: self.term,
        };
        set_to_work(service, assignment);
    }
}
