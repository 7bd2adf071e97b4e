//! The model of a task, and what the task may do.

use crate::agent::deps::Deps;
use crate::agent::error::Error;
use crate::auth::principal::Role;
use crate::feedback::model::TaskType;
use crate::llm::catalog::Capabilities;
use crate::llm::model::Part;
use crate::llm::route::Route;
use crate::runs::model::ToolAccess;
use crate::runs::task::Task;

/// The capabilities that the model needs.
pub fn needs(task: &Task, tools: bool) -> Capabilities {
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

/// The tools that a user of this role may have used in a workspace.
pub(crate) fn access(role: Role, has_workspace: bool) -> ToolAccess {
    match (has_workspace, role) {
        (false, _) => ToolAccess::NoWorkspace,
        (true, Role::Viewer) => ToolAccess::ReadOnly,
        (true, Role::Planner | Role::Admin) => ToolAccess::Full,
    }
}

/// The kind of answer that a run with these tools gives.
pub(crate) fn task_type(access: ToolAccess) -> TaskType {
    match access {
        ToolAccess::Full => TaskType::Codegen,
        ToolAccess::ReadOnly => TaskType::Analysis,
        ToolAccess::NoWorkspace => TaskType::Chat,
    }
}

/// The model for a task: the one that is asked for, or that ratings chose. What was chosen and
/// cannot be had is left out, and nothing is counted for it. The task keeps the amount of reasoning that
/// the model is asked for, so that a run that is resumed asks for the same.
pub(crate) async fn route(
    deps: &Deps,
    model: Option<&str>,
    hint: Option<&str>,
    task: &mut Task,
    needs: Capabilities,
) -> Result<Route, Error> {
    let route = choose(deps, model, hint, task, needs).await?;
    task.effort = route.effort(task.effort);
    Ok(route)
}

async fn choose(
    deps: &Deps,
    model: Option<&str>,
    hint: Option<&str>,
    task: &mut Task,
    needs: Capabilities,
) -> Result<Route, Error> {
    let Some(tuning) = &mut task.tuning else {
        return Ok(deps.router.choose(model, hint, needs).await?);
    };
    let chosen = tuning.model.as_deref();
    let chosen = chosen.map(|model| deps.router.route(Some(model), None, needs));
    let route = match chosen {
        Some(Ok(route)) if !route.was_fallback => route,
        Some(Ok(_) | Err(_)) | None => {
            if let Some(model) = tuning.model.take() {
                tracing::warn!(%model, "a model that ratings may choose is not available");
            }
            deps.router.choose(model, hint, needs).await?
        }
    };
    if !route.provider.takes_temperature(&route.provider_model) {
        tuning.temperature = None;
    }
    Ok(route)
}
