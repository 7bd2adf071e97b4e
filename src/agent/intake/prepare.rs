//! Checks a request and chooses its model; nothing is written.

use serde_json::{Map, Value};

use crate::agent::deps::Deps;
use crate::agent::error::Error;
use crate::agent::intake::open_workspace::OpenWorkspace;
use crate::agent::intake::request::TaskRequest;
use crate::agent::intake::routing::{access, needs, route, task_type};
use crate::agent::intake::{history, instructions};
use crate::agent::learning::tuning;
use crate::auth::principal::Principal;
use crate::llm::route::Route;
use crate::platform::ids::RunId;
use crate::platform::logging::TraceId;
use crate::platform::traces::context::TraceContext;
use crate::runs::event_data::{router_info, with_instructions, with_sandbox};
use crate::runs::model::{ChosenModel, Run, RunKind};

/// The name of a run in the choice of its model.
pub(crate) const RUN: &str = "autonomous";

/// A request that was checked, and what it will be worked on with.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The run, not yet written.
    pub run: Run,
    /// Its model.
    pub route: Route,
    /// Where it works.
    pub workspace: OpenWorkspace,
    /// The routing decision, as clients are shown it.
    pub router_info: Map<String, Value>,
}

/// Prepares a run of a principal.
pub async fn prepare(
    deps: &Deps,
    principal: &Principal,
    trace_id: TraceId,
    request: TaskRequest,
    kind: RunKind,
) -> Result<Prepared, Error> {
    let mode = request.mode.clone();
    let (model, hint) = (request.model.clone(), request.provider.clone());
    let mut task = request.into_task()?;
    let has_workspace = task.workspace_path.is_some();
    let task_type = task_type(access(principal.role, has_workspace));
    let names_model = model.is_some() || hint.is_some();
    let (workspace, history, tuning) = tokio::join!(
        OpenWorkspace::of(deps, principal, Some(&trace_id), &task),
        history::recall(&deps.conversations, principal, &task),
        tuning::tune(deps, principal, &task, task_type, names_model),
    );
    let workspace = workspace?;
    let needs = needs(&task, has_workspace);
    task.tuning = tuning;
    let route = route(deps, model.as_deref(), hint.as_deref(), &mut task, needs).await?;
    task.trace_parent = TraceContext::current().parent();
    task.history = history?;
    let info = router_info(&route, mode.as_deref(), RUN);
    let run = Run {
        id: RunId::new(&deps.clock),
        org_id: principal.org_id.clone(),
        user_id: principal.user_id.clone(),
        team_id: principal.team_id.clone(),
        role: principal.role,
        kind,
        model: ChosenModel {
            requested: model,
            provider: route.provider_id.as_str().to_owned(),
            model: route.provider_model.clone(),
            router_info: info.clone(),
        },
        task,
        trace_id: Some(trace_id),
        created_at: deps.clock.now(),
    };
    let info = with_sandbox(info, &deps.tools.launch.sandbox);
    let said = instructions::shown(deps, &workspace.words, &route).data();
    Ok(Prepared {
        run,
        router_info: with_instructions(info, said.as_ref()),
        route,
        workspace,
    })
}
