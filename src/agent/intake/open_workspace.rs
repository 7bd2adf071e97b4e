//! Opens the folder that a task names, with the policy that holds there.

use std::io::Read;

use crate::agent::deps::Deps;
use crate::agent::error::Error;
use crate::auth::principal::Principal;
use crate::platform::logging::TraceId;
use crate::policy::service::Policy;
use crate::runs::task::Task;
use crate::workspace::error::PathError;
use crate::workspace::paths::Workspace;

/// Where a workspace may make the policy stricter.
const POLICY_FILE: &str = ".navi/policy.toml";
/// The largest such file, in bytes.
const POLICY_BYTES: u64 = 256 * 1024;

/// Where a run works, and what it may do there.
#[derive(Clone, Debug)]
pub struct OpenWorkspace {
    pub(crate) workspace: Option<Workspace>,
    pub(crate) policy: Policy,
}

impl OpenWorkspace {
    /// Opens where a principal's task works.
    pub(crate) async fn of(
        deps: &Deps,
        principal: &Principal,
        trace_id: Option<&TraceId>,
        task: &Task,
    ) -> Result<Self, Error> {
        let workspace = open(deps, principal, trace_id, task).await?;
        let built_in = deps.tools.policy.clone();
        let Some(folder) = workspace.clone() else {
            let policy = built_in;
            return Ok(Self { workspace, policy });
        };
        // Trying out all the examples of all the rules takes some ten milliseconds.
        let read = move || policy_in(&folder, &built_in);
        let policy = tokio::task::spawn_blocking(read).await;
        let policy = policy.unwrap_or_else(|failure| Err(failure.to_string()));
        let policy = policy.map_err(Error::Workspace)?;
        Ok(Self { workspace, policy })
    }
}

/// Opens the folder that a principal's task names, if it names one.
pub(crate) async fn open(
    deps: &Deps,
    principal: &Principal,
    trace_id: Option<&TraceId>,
    task: &Task,
) -> Result<Option<Workspace>, Error> {
    let Some(path) = &task.workspace_path else {
        return Ok(None);
    };
    let opened = deps.workspaces.open(principal, trace_id, path).await?;
    Ok(Some(opened))
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
