//! From a request, or from what another process stored of one, to a runner that is ready to work.

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::agent::error::Error;
use crate::agent::execution::run_loop::{Entrance, Runner};
use crate::agent::finish::abandoned::read_state;
use crate::agent::intake::history;
use crate::agent::intake::request::TaskRequest;
use crate::agent::learning::guidance::task_type;
use crate::agent::prompt::compaction;
use crate::agent::prompt::messages::Reach;
use crate::agent::runner::live_output::LiveOutput;
use crate::agent::runner::state::RunState;
use crate::agent::runner::usage::Spending;
use crate::agent::service::AgentService;
use crate::agent::steps::turn::window_budget;
use crate::agent::steps::verification::Baseline;
use crate::auth::principal::{Principal, Role};
use crate::exec::process::Processes;
use crate::ledger;
use crate::llm::catalog::Capabilities;
use crate::llm::model::{Message, Part};
use crate::llm::route::Route;
use crate::platform::ids::RunId;
use crate::platform::logging::TraceId;
use crate::policy::service::Policy;
use crate::runs::lease::model::Taken;
use crate::runs::log::journal::Journal;
use crate::runs::model::{ChosenModel, Run, RunKind, Task};
use crate::runs::pieces::Pieces;
use crate::runs::store::steps;
use crate::runs::store::steps::OpenCall;
use crate::tools::commands::running_servers::RunningServers;
use crate::tools::context::ToolContext;
use crate::workspace::error::PathError;
use crate::workspace::paths::Workspace;

/// Lines of live output that may wait to be shown.
const OUTPUT_QUEUE: usize = 1_024;
/// The part of the window that what was said before the run may take, as a divisor.
const HISTORY_SHARE: usize = 4;
/// Where a workspace may make the policy stricter.
const POLICY_FILE: &str = ".navi/policy.toml";
/// The largest such file, in bytes.
const POLICY_BYTES: u64 = 256 * 1024;

/// A request that was checked, and what it will be worked on with.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The run, not yet written.
    pub run: Run,
    /// Its model.
    pub route: Route,
    /// Where it works.
    pub grounds: Grounds,
    /// The routing decision, as clients are shown it.
    pub router_info: Map<String, Value>,
}

/// Where a run works, and what it may do there.
#[derive(Clone, Debug)]
pub struct Grounds {
    pub(crate) workspace: Option<Workspace>,
    pub(crate) policy: Policy,
}

/// What another process left of a run.
#[derive(Debug, Default)]
pub struct Past {
    state: RunState,
    baseline: Baseline,
    messages: Vec<Message>,
    left_behind: Vec<OpenCall>,
    tool_calls: u32,
    spending: Spending,
}

impl AgentService {
    /// Checks a request and chooses its model; nothing is written.
    pub(crate) async fn prepare(
        &self,
        principal: &Principal,
        trace_id: TraceId,
        request: TaskRequest,
        kind: RunKind,
    ) -> Result<Prepared, Error> {
        let mode = request.mode.clone();
        let (model, hint) = (request.model.clone(), request.provider.clone());
        let mut task = request.into_task()?;
        let grounds = self.grounds(&task).await?;
        let needs = needs(&task, grounds.workspace.is_some());
        let task_type = task_type(reach(principal.role, grounds.workspace.as_ref()));
        let names_model = model.is_some() || hint.is_some();
        task.tuning = self.tune(principal, &task, task_type, names_model).await;
        let route = self.route(model.as_deref(), hint.as_deref(), &mut task, needs)?;
        let services = self.services();
        history::recall(&services.conversations, principal, &mut task).await?;
        let run = Run {
            id: RunId::new(&services.clock),
            org_id: principal.org_id.clone(),
            user_id: principal.user_id.clone(),
            team_id: principal.team_id.clone(),
            role: principal.role,
            kind,
            model: ChosenModel {
                requested: model,
                provider: route.provider_id.as_str().to_owned(),
                model: route.provider_model.clone(),
            },
            task,
            trace_id: Some(trace_id),
            created_at: services.clock.now(),
        };
        Ok(Prepared {
            run,
            router_info: router_info(&route, mode.as_deref(), "autonomous"),
            route,
            grounds,
        })
    }

    /// The same for a run that was taken from the queue: its request was checked when it came, and
    /// the world may have changed since.
    pub(crate) async fn prepare_again(&self, run: &Run) -> Result<(Route, Grounds), Error> {
        let grounds = self.grounds(&run.task).await?;
        let needs = needs(&run.task, grounds.workspace.is_some());
        // With the model it began with, as long as that can be had.
        let same = format!("{}/{}", run.model.provider, run.model.model);
        let same = self.router().route(Some(&same), None, needs);
        match same {
            Ok(route) if route.provider_model == run.model.model => Ok((route, grounds)),
            Ok(_) | Err(_) => {
                let requested = run.model.requested.as_deref();
                Ok((self.router().route(requested, None, needs)?, grounds))
            }
        }
    }

    /// Opens where a task works, with the policy that holds there.
    pub(crate) async fn grounds(&self, task: &Task) -> Result<Grounds, Error> {
        let workspace = self.open_workspace(task)?;
        let built_in = self.tools().policy.clone();
        let Some(place) = workspace.clone() else {
            let policy = built_in;
            return Ok(Grounds { workspace, policy });
        };
        // Trying out all the examples of all the rules takes some ten milliseconds.
        let read = move || policy_in(&place, &built_in);
        let policy = tokio::task::spawn_blocking(read).await;
        let policy = policy.unwrap_or_else(|failure| Err(failure.to_string()));
        let policy = policy.map_err(Error::Workspace)?;
        Ok(Grounds { workspace, policy })
    }

    /// Opens the folder a task names, if it names one that this server works in.
    pub(crate) fn open_workspace(&self, task: &Task) -> Result<Option<Workspace>, Error> {
        let Some(path) = &task.workspace_path else {
            return Ok(None);
        };
        let workspace =
            Workspace::open(path).map_err(|error| Error::Workspace(error.to_string()))?;
        self.permit(workspace.root(), path)?;
        Ok(Some(workspace))
    }

    /// Refuses a folder that this server may not look into. `root` is its canonical path, `path` its
    /// name for people.
    pub(crate) fn permit(&self, root: &Path, path: &str) -> Result<(), Error> {
        let roots = &self.config().workspace_roots;
        if !roots.is_empty() && !roots.iter().any(|allowed| is_below(root, allowed)) {
            let reason = format!("the workspace `{path}` is not in a folder this server works in");
            return Err(Error::Workspace(reason));
        }
        // A folder that is not there yet holds no secret.
        let closed = self.tools().closed_folders.iter();
        let closed = closed.filter_map(|folder| folder.canonicalize().ok());
        if closed
            .into_iter()
            .any(|it| it.starts_with(root) || root.starts_with(&it))
        {
            let reason =
                format!("the workspace `{path}` holds or is part of this server's own data folder");
            return Err(Error::Workspace(reason));
        }
        Ok(())
    }

    /// What is stored of a run that goes on.
    pub(crate) async fn past(&self, taken: &Taken) -> Result<Past, Error> {
        let (org_id, run_id) = (&taken.run.org_id, taken.run.id);
        let mut conn = self.services().db.acquire().await?;
        let calls = ledger::store::calls_of_run(&mut conn, org_id, run_id.0).await?;
        let baseline = taken.baseline.clone().map(serde_json::from_value);
        Ok(Past {
            state: taken.state.clone().map(read_state).unwrap_or_default(),
            // Without one, failures of before count as new: strict, and never a false success.
            baseline: baseline.and_then(Result::ok).unwrap_or_default(),
            messages: steps::run_messages(&mut conn, org_id, run_id).await?,
            left_behind: steps::open_tool_calls(&mut conn, org_id, run_id).await?,
            tool_calls: steps::count_tool_calls(&mut conn, org_id, run_id)
                .await?
                .try_into()
                .unwrap_or_default(),
            spending: Spending::of(&calls),
        })
    }

    /// A runner of a run that is held under `taken.hold`.
    pub(crate) fn runner(
        &self,
        taken: &Taken,
        (route, grounds): (Route, Grounds),
        past: Past,
        entrance: Entrance,
        halted: CancellationToken,
    ) -> Runner {
        let services = self.services().clone();
        let run = taken.run.clone();
        let (output, lines) = mpsc::channel(OUTPUT_QUEUE);
        let journal = Journal::open(
            &run,
            taken.hold,
            services.db.clone(),
            services.clock.clone(),
            services.followers.clone(),
            &services.tasks,
        );
        let reach = reach(run.role, grounds.workspace.as_ref());
        let settings = self.tools();
        let tools = grounds.workspace.map(|workspace| ToolContext {
            workspace,
            cancel: halted.clone(),
            tasks: services.tasks.clone(),
            output,
            processes: Processes::new(settings.launch.clone(), &run.id.to_string()),
            servers: RunningServers::default(),
            http: settings.http.clone(),
            limits: settings.limits.clone(),
            policy: grounds.policy.clone(),
            record: None,
        });
        let mut messages = run.task.history.clone();
        compaction::keep_newest(&mut messages, window_budget(&route) / HISTORY_SHARE);
        let goal = messages.len();
        let position = i32::try_from(past.messages.len()).unwrap_or(i32::MAX);
        let last_text = last_text(&past.messages);
        messages.extend(past.messages);
        let state = past.state;
        let mut tally = state.tally;
        tally.spending = past.spending;
        tally.tool_calls = past.tool_calls;
        Runner {
            limits: self.config().limits_of(&run.task),
            output: LiveOutput::new(lines, journal.clone(), services.clock.clone()),
            policy: grounds.policy,
            fence: taken.hold.fence,
            place: None,
            places: self.places().clone(),
            open_calls: past
                .left_behind
                .iter()
                .map(|call| (call.id, call.call_id.clone()))
                .collect(),
            journal,
            tools,
            reach,
            route,
            services,
            run,
            entrance,
            has_entered: entrance == Entrance::Begun,
            halted,
            messages,
            pieces: Pieces::default(),
            goal,
            position,
            progress: state.progress,
            tally,
            baseline: past.baseline,
            rounds: state.rounds,
            verification: state.verification,
            learning: self.clone(),
            exposure: state.exposure,
            last_text,
            last_error: state.last_error,
            left_behind: past.left_behind,
            lost_ports: state.ports,
            iteration: state.iteration,
            continuations: state.continuations,
            stop: state.stop,
            worked_before: state.worked,
            began: Instant::now(),
        }
    }
}

fn is_below(path: &Path, root: &Path) -> bool {
    root.canonicalize().is_ok_and(|root| path.starts_with(root))
}

/// The policy that holds in a workspace.
fn policy_in(workspace: &Workspace, built_in: &Policy) -> Result<Policy, String> {
    match policy_file(workspace).transpose()? {
        Some(text) => built_in
            .stricter(&text)
            .map_err(|error| format!("`{POLICY_FILE}`: {error}")),
        None => Ok(built_in.clone()),
    }
}

/// The workspace's own rules, if it has any; an error when they cannot be read, because a rule that is
/// overlooked is a rule that is broken.
fn policy_file(workspace: &Workspace) -> Option<Result<String, String>> {
    let unreadable = |reason: &dyn std::fmt::Display| {
        Some(Err(format!("`{POLICY_FILE}` cannot be read: {reason}")))
    };
    let file = match workspace.open_file(POLICY_FILE) {
        Ok((file, _)) => file,
        Err(PathError::Missing(_)) => return None,
        Err(error) => return unreadable(&error),
    };
    let mut text = String::new();
    match file.take(POLICY_BYTES + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 > POLICY_BYTES => unreadable(&"it is larger than 256 KiB"),
        Ok(_) => Some(Ok(text)),
        Err(error) => unreadable(&error),
    }
}

fn last_text(messages: &[Message]) -> String {
    let said = messages.iter().rev().find_map(|message| match message {
        Message::Assistant { text, .. } if !text.trim().is_empty() => Some(text.clone()),
        Message::Assistant { .. }
        | Message::System { .. }
        | Message::User { .. }
        | Message::ToolResult { .. } => None,
    });
    said.unwrap_or_default()
}

/// What the model must be capable of.
pub(crate) fn needs(task: &Task, tools: bool) -> Capabilities {
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

fn reach(role: Role, workspace: Option<&Workspace>) -> Reach {
    match (workspace, role) {
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
