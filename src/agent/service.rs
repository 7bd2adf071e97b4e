//! Starting runs, ending them, and answering their questions.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::agent::ask::Prompts;
use crate::agent::checking::Baseline;
use crate::agent::conversations::service::ConversationService;
use crate::agent::ending::Ended;
use crate::agent::error::Error;
use crate::agent::event::{Event, Verification};
use crate::agent::event_log::{self, Recorded};
use crate::agent::journal::Journal;
use crate::agent::limits::AgentConfig;
use crate::agent::live::LiveRuns;
use crate::agent::lost;
use crate::agent::memory;
use crate::agent::model::{ChosenModel, Run, RunId, Task};
use crate::agent::output::LiveOutput;
use crate::agent::prompt::Reach;
use crate::agent::request::TaskRequest;
use crate::agent::run::Runner;
use crate::agent::store;
use crate::agent::tally::Tally;
use crate::agent::tools::context::{ToolContext, ToolLimits};
use crate::agent::tools::process::{Launch, Processes};
use crate::agent::tools::servers::Servers;
use crate::agent::workspace::Workspace;
use crate::auth::principal::{Principal, Role};
use crate::ledger::service::Ledger;
use crate::llm::catalog::Capabilities;
use crate::llm::model::Part;
use crate::llm::route::Route;
use crate::llm::router::Router;
use crate::platform::clock::Clock;
use crate::platform::ids::OrgId;
use crate::platform::metrics::Metrics;
use crate::platform::outbound::Client;
use crate::platform::tasks::Tasks;
use crate::retrieval::service::Retrieval;

/// Lines of live output that may wait to be shown.
const OUTPUT_QUEUE: usize = 1_024;
/// How many events a reader takes from the log at once.
pub const READ_BATCH: usize = 500;

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
    pub prompts: Prompts,
    /// What was said before.
    pub conversations: ConversationService,
    /// The runs of this process.
    pub live: LiveRuns,
}

/// What commands of the agent are given.
#[derive(Clone, Debug)]
pub struct ToolSettings {
    /// How commands are started, and the environment they get.
    pub launch: Launch,
    /// For requests to servers that the agent started.
    pub http: Client,
    /// Bounds of the tools.
    pub limits: ToolLimits,
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
    stopping: CancellationToken,
}

/// A run that has begun.
#[derive(Clone, Debug)]
pub struct Started {
    /// The run.
    pub run_id: RunId,
    /// Whose run.
    pub org_id: OrgId,
    /// Ends it.
    pub cancel: CancellationToken,
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
        let stopping = CancellationToken::new();
        Self(Arc::new(Inner {
            services,
            router,
            config,
            tools,
            places,
            stopping,
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

    /// Checks a request, writes the run with its first event, and sets it to work.
    pub async fn start(
        &self,
        principal: &Principal,
        request: TaskRequest,
    ) -> Result<Started, Error> {
        let inner = &self.0;
        if inner.stopping.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        let mode = request.mode.clone();
        let (model, hint) = (request.model.clone(), request.provider.clone());
        let mut task = request.into_task()?;
        let workspace = self.open_workspace(&task)?;
        let route = inner.router.route(
            model.as_deref(),
            hint.as_deref(),
            needs(&task, workspace.is_some()),
        )?;
        let limit = inner.config.max_concurrent_runs;
        let place = inner.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Error::TooManyRuns { limit })?;
        memory::recall(&inner.services.conversations, principal, &mut task).await?;

        let services = &inner.services;
        let run = Run {
            id: RunId::new(&services.clock),
            org_id: principal.org_id.clone(),
            user_id: principal.user_id.clone(),
            model: ChosenModel {
                requested: model,
                provider: route.provider_id.as_str().to_owned(),
                model: route.provider_model.clone(),
            },
            task,
            created_at: services.clock.now(),
        };
        let first = Event::RouterInfo {
            router_info: router_info(&route, mode.as_deref(), "autonomous"),
        };
        self.insert(&run, vec![first]).await?;

        let cancel = CancellationToken::new();
        services.live.begin(run.id, cancel.clone());
        services.metrics.navi_runs_active.inc();
        let started = Started {
            run_id: run.id,
            org_id: run.org_id.clone(),
            cancel: cancel.clone(),
        };
        let reach = reach(principal, workspace.as_ref());
        let halted = cancel.child_token();
        let runner = self.runner(principal, run.clone(), route, reach, workspace, halted);
        let (service, stopping) = (self.clone(), inner.stopping.clone());
        services.tasks.spawn(async move {
            let _place = place;
            let work = AssertUnwindSafe(Box::pin(runner.execute(cancel, stopping.clone())));
            let ended = work.catch_unwind().await.unwrap_or_else(|_| {
                // The panic's own message is in the log already.
                tracing::error!(run.id = %run.id, "a run panicked");
                Ended::Lost
            });
            if ended == Ended::Lost {
                lost::bury(service.services(), &run, &stopping).await;
            }
            service.ended(&run);
        });
        Ok(started)
    }

    async fn insert(&self, run: &Run, first: Vec<Event>) -> Result<(), Error> {
        let options = json!({
            "run_verification": run.task.run_verification,
            "max_iterations": run.task.max_iterations,
        });
        let mut tx = self.0.services.db.begin().await?;
        store::insert_run(&mut tx, run, &options).await?;
        event_log::append(&mut tx, &run.org_id, run.id, 0, &first, run.created_at).await?;
        tx.commit().await?;
        Ok(())
    }

    fn runner(
        &self,
        principal: &Principal,
        run: Run,
        route: Route,
        reach: Reach,
        workspace: Option<Workspace>,
        halted: CancellationToken,
    ) -> Runner {
        let services = self.0.services.clone();
        let (output, lines) = mpsc::channel(OUTPUT_QUEUE);
        let journal = Journal::open(
            &run,
            1,
            services.db.clone(),
            services.clock.clone(),
            services.live.clone(),
            &services.tasks,
        );
        let settings = &self.0.tools;
        let tools = workspace.map(|workspace| ToolContext {
            workspace,
            cancel: halted.clone(),
            tasks: services.tasks.clone(),
            output,
            processes: Processes::new(settings.launch.clone(), &run.id.to_string()),
            servers: Servers::default(),
            http: settings.http.clone(),
            limits: settings.limits.clone(),
        });
        Runner {
            limits: self.0.config.limits_of(&run.task),
            messages: run.task.history.clone(),
            output: LiveOutput::new(lines, journal.clone(), services.clock.clone()),
            journal,
            tools,
            reach,
            route,
            services,
            principal: principal.clone(),
            run,
            halted,
            goal: 0,
            position: 0,
            progress: None,
            tally: Tally::default(),
            baseline: Baseline::default(),
            verification: Verification::NotRun,
            last_text: String::new(),
            open_calls: Vec::new(),
            iteration: 0,
            continuations: 0,
            began: Instant::now(),
        }
    }

    /// Tidies up after a run.
    fn ended(&self, run: &Run) {
        let services = &self.0.services;
        services.live.end(run.id);
        services.metrics.navi_runs_active.dec();
    }

    /// The events of a run after a sequence number, in order; empty when there are none yet.
    pub async fn events_after(
        &self,
        org_id: &OrgId,
        run_id: RunId,
        sequence: i64,
    ) -> Result<Vec<Recorded>, Error> {
        let limit = i64::try_from(READ_BATCH).unwrap_or(i64::MAX);
        let mut conn = self.0.services.db.acquire().await?;
        Ok(event_log::after(&mut conn, org_id, run_id, sequence, limit).await?)
    }

    /// Ends all runs of this process so that they can be resumed. Answers whether all of them
    /// ended within `grace`.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.0.stopping.cancel();
        let deadline = Instant::now() + grace;
        while self.0.services.live.count() > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// Cancelled once the runs of this process are told to end.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }
}

impl AgentService {
    /// Opens the folder a task names, if it names one that this server works in.
    pub(super) fn open_workspace(&self, task: &Task) -> Result<Option<Workspace>, Error> {
        let Some(path) = &task.workspace_path else {
            return Ok(None);
        };
        let workspace =
            Workspace::open(path).map_err(|error| Error::Workspace(error.to_string()))?;
        let roots = &self.0.config.workspace_roots;
        if !roots.is_empty() && !roots.iter().any(|root| is_below(workspace.root(), root)) {
            let reason = format!("the workspace `{path}` is not in a folder this server works in");
            return Err(Error::Workspace(reason));
        }
        // A folder that is not there yet holds no secret.
        let closed = self.0.tools.closed_folders.iter();
        let closed = closed.filter_map(|folder| folder.canonicalize().ok());
        let root = workspace.root();
        if closed
            .into_iter()
            .any(|it| it.starts_with(root) || root.starts_with(&it))
        {
            let reason =
                format!("the workspace `{path}` holds or is part of this server's own data folder");
            return Err(Error::Workspace(reason));
        }
        Ok(Some(workspace))
    }
}

fn is_below(path: &Path, root: &Path) -> bool {
    root.canonicalize().is_ok_and(|root| path.starts_with(root))
}

/// What the model must be capable of.
pub(super) fn needs(task: &Task, tools: bool) -> Capabilities {
    let vision = task
        .attachments
        .iter()
        .any(|part| matches!(part, Part::Image { .. }));
    let needs = if tools {
        Capabilities::AGENT
    } else {
        Capabilities::CHAT
    };
    Capabilities { vision, ..needs }
}

fn reach(principal: &Principal, workspace: Option<&Workspace>) -> Reach {
    match (workspace, principal.role) {
        (None, _) => Reach::NoWorkspace,
        (Some(_), Role::Viewer) => Reach::ReadOnly,
        (Some(_), Role::Planner | Role::Admin) => Reach::Full,
    }
}

/// The first frame of a stream, as old clients read it.
pub fn router_info(route: &Route, mode: Option<&str>, task_type: &str) -> Map<String, Value> {
    let info = json!({
        "requestedModelId": route.requested_model_id,
        "requestedModeId": route.requested_mode_id,
        "effectiveModelId": route.effective_model_id,
        "provider": route.provider_id.as_str(),
        "model": route.provider_model,
        "wasFallback": route.was_fallback,
        "fallbackReasonCode": route.fallback_reason_code,
        "fallbackReason": route.fallback_reason,
        "modelId": route.effective_model_id,
        "mode": mode,
        "task_type": task_type,
    });
    match info {
        Value::Object(info) => info,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
