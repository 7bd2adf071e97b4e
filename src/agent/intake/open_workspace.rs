//! Opens the folder that a task names, with the policy that holds there.

use std::io::Read;

use crate::agent::deps::Deps;
use crate::agent::error::Error;
use crate::agent::intake::instructions;
use crate::agent::repository::model::RepositoryWords;
use crate::auth::principal::Principal;
use crate::exec::sandbox::repositories::linked::LinkedRepository;
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
    /// The repository outside of the workspace that this is a working tree of.
    pub(crate) linked: Option<LinkedRepository>,
    /// The instructions and skills of its repository.
    pub(crate) words: RepositoryWords,
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
            return Ok(Self {
                workspace,
                policy: built_in,
                linked: None,
                words: RepositoryWords::default(),
            });
        };

        // Trying out all the examples of all the rules takes some ten milliseconds.
        let reading = deps.clone();
        let read = move || {
            let policy = policy_in(&folder, &built_in)?;
            let words = instructions::read(&reading, &folder, &policy);
            let root = folder.root();
            let linked = LinkedRepository::of(root);
            let linked = linked.filter(|it| !policy.closes(&it.common, root));
            Ok((policy, linked, words))
        };
        let read = tokio::task::spawn_blocking(read).await;
        let read = read.unwrap_or_else(|failure| Err(failure.to_string()));
        let (policy, linked, words) = read.map_err(Error::Workspace)?;
        let linked = match linked {
            Some(linked) => within_territory(deps, principal, linked).await?,
            None => None,
        };
        Ok(Self {
            workspace,
            policy,
            linked,
            words,
        })
    }
}

/// A repository, unless it lies where the principal's organisation may not look.
async fn within_territory(
    deps: &Deps,
    principal: &Principal,
    linked: LinkedRepository,
) -> Result<Option<LinkedRepository>, Error> {
    let territory = deps.workspaces.territory(&principal.org_id).await?;
    let look = move || territory.holds(&linked.common).then_some(linked);
    let looked = tokio::task::spawn_blocking(look).await;
    looked.map_err(|failure| Error::Workspace(failure.to_string()))
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
