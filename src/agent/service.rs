//! Starting runs, working on them, and ending them.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::agent::config::AgentConfig;
use crate::agent::error::Error;
use crate::agent::execution::run_loop::{Entrance, RunEnds};
use crate::agent::finish::abandoned::{Reason, conclude};
use crate::agent::finish::finish::Ended;
use crate::agent::intake::history;
use crate::agent::intake::prepare::{Grounds, Past};
use crate::agent::intake::request::TaskRequest;
use crate::approvals::consents::service::Consents;
use crate::approvals::questions::service::Questions;
use crate::audit::service::Audit;
use crate::auth::principal::Principal;
use crate::conversations::service::ConversationService;
use crate::exec::process::Launch;
use crate::exec::status_file::StatusFiles;
use crate::ledger::service::Ledger;
use crate::llm::route::Route;
use crate::llm::router::Router;
use crate::platform::clock::Clock;
use crate::platform::ids::OrgId;
use crate::platform::ids::RunId;
use crate::platform::logging::TraceId;
use crate::platform::metrics::Metrics;
use crate::platform::outbound::Client;
use crate::platform::signals::Signals;
use crate::platform::tasks::Tasks;
use crate::policy::service::Policy;
use crate::retrieval::service::Retrieval;
use crate::runs::event::Event;
use crate::runs::lease;
use crate::runs::lease::keeper::{Lease, Term};
use crate::runs::lease::model::Taken;
use crate::runs::log::feed::Followers;
use crate::runs::log::journal::Hold;
use crate::runs::log::store;
use crate::runs::log::store::{Append, Recorded, Storable};
use crate::runs::model::{Run, RunKind, RunStatus};
use crate::runs::store::runs;
use crate::telemetry::service::Telemetry;
use crate::tools::context::ToolLimits;
use crate::tools::registry::ToolSet;

/// How many events a reader takes from the log at once.
const READ_BATCH: i64 = 200;
/// And how much of them, in bytes of text. A client that does not read holds this.
const READ_BYTES: i64 = 16 * 1024;

/// What runs work with; cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub db: sqlx::PgPool,
    /// The time.
    pub clock: Clock,
    /// Background work.
    pub tasks: Tasks,
    /// What calls cost.
    pub ledger: Ledger,
    /// Finding code.
    pub retrieval: Retrieval,
    /// Counters.
    pub metrics: Metrics,
    /// Questions to users.
    pub questions: Questions,
    /// What users allow.
    pub consents: Consents,
    /// What was done, by whom.
    pub audit: Audit,
    /// Where runs that fail are recorded as errors.
    pub telemetry: Telemetry,
    /// What was said before.
    pub conversations: ConversationService,
    /// Who follows which run.
    pub followers: Followers,
    /// Telling other processes, and hearing from them.
    pub signals: Signals,
    /// What commands noted about themselves.
    pub records: StatusFiles,
    /// This process's right to work on runs.
    pub lease: Lease,
    /// The tools of runs.
    pub tools: ToolSet,
}

/// What the agent's tools are given.
#[derive(Clone, Debug)]
pub struct ToolSettings {
    /// How commands are started, and the environment they get.
    pub launch: Launch,
    /// For requests to servers that the agent started.
    pub http: Client,
    /// Bounds of the tools.
    pub limits: ToolLimits,
    /// What may run, and what is asked about.
    pub policy: Policy,
    /// Folders with secrets of the server: no workspace may lie in one or hold one.
    pub closed_folders: Vec<PathBuf>,
}

/// Runs of the agent. Cheap to clone.
#[derive(Clone)]
pub struct AgentService(Arc<Inner>);

struct Inner {
    services: Services,
    router: Arc<Router>,
    config: AgentConfig,
    tools: ToolSettings,
    places: Arc<Semaphore>,
    /// Work may be there, or a place for it.
    wake: Notify,
    stopping: CancellationToken,
}

/// A run that has begun.
#[derive(Clone, Debug)]
pub struct Started {
    /// The run.
    pub run_id: RunId,
    /// Whose run.
    pub principal: Principal,
}

/// A run that is to be worked on here, and everything it needs.
pub(crate) struct Work {
    pub(crate) taken: Taken,
    pub(crate) equipment: (Route, Grounds),
    pub(crate) past: Past,
    pub(crate) entrance: Entrance,
    pub(crate) place: OwnedSemaphorePermit,
    pub(crate) term: Term,
}

impl AgentService {
    /// A service over its parts.
    pub fn new(
        services: Services,
        router: Arc<Router>,
        config: AgentConfig,
        tools: ToolSettings,
    ) -> Self {
        let places = Arc::new(Semaphore::new(config.max_concurrent_runs));
        Self(Arc::new(Inner {
            services,
            router,
            config,
            tools,
            places,
            wake: Notify::new(),
            stopping: CancellationToken::new(),
        }))
    }

    /// What runs work with.
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// The choice of models.
    pub fn router(&self) -> &Router {
        &self.0.router
    }

    pub(crate) fn config(&self) -> &AgentConfig {
        &self.0.config
    }

    pub(crate) fn tools(&self) -> &ToolSettings {
        &self.0.tools
    }

    pub(crate) fn places(&self) -> &Arc<Semaphore> {
        &self.0.places
    }

    /// Wakes this process's worker.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// Cancelled once the runs of this process are told to end.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    /// Checks a request, writes the run with its first event, and sets it to work at once.
    pub async fn start(
        &self,
        principal: &Principal,
        trace_id: TraceId,
        request: TaskRequest,
    ) -> Result<Started, Error> {
        if self.0.stopping.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        let prepared = self
            .prepare(principal, trace_id, request, RunKind::Autonomous)
            .await?;
        let limit = self.0.config.max_concurrent_runs;
        let place = self.0.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Error::TooManyRuns { limit })?;
        let term = self.0.services.lease.term().ok_or(Error::NoLease)?;
        let run = prepared.run;
        let first = Event::RouterInfo {
            router_info: prepared.router_info,
        };
        let hold = self.insert_held(&run, &term, first).await?;
        let taken = Taken::now(run, hold);
        Ok(self.set_to_work(Work {
            taken,
            equipment: (prepared.route, prepared.grounds),
            past: Past::default(),
            entrance: Entrance::Begun,
            place,
            term,
        }))
    }

    async fn insert_held(&self, run: &Run, term: &Term, first: Event) -> Result<Hold, Error> {
        let limit = self.0.config.max_runs_per_org;
        let mut tx = self.0.services.db.begin().await?;
        lease::store::take_alone(&mut tx).await?;
        if lease::store::under_way(&mut tx, &run.org_id).await? >= i64::from(limit) {
            // Said, and not left to the drop, or all others that take would wait for it.
            tx.rollback().await?;
            return Err(Error::OrgIsBusy { limit });
        }
        history::begin(&mut tx, run).await?;
        runs::insert_run(&mut tx, run, Some(term.worker), true, None).await?;
        let hold = Hold {
            last: 1,
            fence: 1,
            status: RunStatus::Running,
        };
        let events = [(Storable::new(first), hold.status)];
        let append = Append::events(0, hold.fence, &events, hold.status);
        store::append(&mut tx, &run.org_id, run.id, &append, run.created_at).await?;
        tx.commit().await?;
        Ok(hold)
    }

    /// Works on a run in the background of this process.
    pub(crate) fn set_to_work(&self, work: Work) -> Started {
        let services = &self.0.services;
        let Work {
            taken,
            equipment,
            past,
            entrance,
            place,
            term,
        } = work;
        let (run, hold) = (taken.run.clone(), taken.hold);
        let cancel = CancellationToken::new();
        services
            .followers
            .begin(&run.org_id, run.id, (hold.last, hold.fence), cancel.clone());
        services.metrics.navi_runs_active.inc();
        let started = Started {
            run_id: run.id,
            principal: run.principal(),
        };
        let ends = RunEnds {
            cancel: cancel.clone(),
            stopping: self.0.stopping.clone(),
            lost: term.lost,
        };
        let mut runner = self.runner(&taken, equipment, past, entrance, cancel.child_token());
        runner.place = Some(place);
        let service = self.clone();
        services.tasks.spawn(async move {
            let work = AssertUnwindSafe(Box::pin(runner.execute(&ends)));
            let ended = work.catch_unwind().await.unwrap_or_else(|_| {
                // The panic's own message is in the log already.
                tracing::error!(run.id = %run.id, "a run panicked");
                Ended::Lost
            });
            if ended == Ended::Lost {
                let reason = Reason::internal();
                conclude(
                    service.services(),
                    &run,
                    hold.fence,
                    &reason,
                    &ends.stopping,
                )
                .await;
            }
            service.ended(&run, hold.fence);
        });
        started
    }

    /// Tidies up after a run.
    fn ended(&self, run: &Run, fence: i64) {
        let services = &self.0.services;
        services.followers.end(run.id, fence);
        services.metrics.navi_runs_active.dec();
        // Its place is free.
        self.wake();
    }

    /// The events of a run after a sequence number, in order, as many as a reader should hold at
    /// once; empty when there are none yet.
    pub async fn events_after(
        &self,
        org_id: &OrgId,
        run_id: RunId,
        sequence: i64,
    ) -> Result<Vec<Recorded>, Error> {
        let mut conn = self.0.services.db.acquire().await?;
        let (limit, bytes) = (READ_BATCH, READ_BYTES);
        Ok(store::after(&mut conn, org_id, run_id, sequence, limit, bytes).await?)
    }

    /// Ends all runs of this process so that others can go on with them. Answers whether all of them
    /// ended within `grace`.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.0.stopping.cancel();
        let deadline = Instant::now() + grace;
        while self.0.services.followers.count() > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }
}
