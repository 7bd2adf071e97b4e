//! The instructions and skills of a workspace's repository, for the prompts of a run or a chat.

use crate::agent::deps::Deps;
use crate::agent::prompt::compaction::window_budget;
use crate::agent::repository::model::{RepositoryWords, ShownWords};
use crate::agent::repository::reader::RepositoryReader;
use crate::agent::repository::root;
use crate::llm::route::Route;
use crate::policy::service::Policy;
use crate::workspace::paths::Workspace;

/// The part of the window that they may take, as a divisor.
const WINDOW_SHARE: usize = 6;
/// Bytes to a token, as few as those of code.
const BYTES_PER_TOKEN: usize = 3;

/// Reads them, unless that is switched off. Blocks.
pub(super) fn read(deps: &Deps, workspace: &Workspace, policy: &Policy) -> RepositoryWords {
    if deps.config.instructions_bytes() == 0 {
        return RepositoryWords::default();
    }
    root::read(RepositoryReader {
        workspace,
        secrets: &policy.secret_files(workspace.root()),
    })
}

/// The part of them that a prompt for this model has room for.
pub(crate) fn shown(deps: &Deps, words: &RepositoryWords, route: &Route) -> ShownWords {
    let room = window_budget(route) / WINDOW_SHARE * BYTES_PER_TOKEN;
    words.within(room.min(deps.config.instructions_bytes()))
}

/// The same for what calls no tools: instructions without skills, which could not be read.
pub(crate) async fn of_chat(
    deps: &Deps,
    workspace: Option<&Workspace>,
    route: &Route,
) -> ShownWords {
    let Some(workspace) = workspace.cloned() else {
        return ShownWords::default();
    };
    let reading = deps.clone();
    let read = move || read(&reading, &workspace, &reading.tools.policy);
    let words = tokio::task::spawn_blocking(read).await;
    let words = words.unwrap_or_default().without_skills();
    shown(deps, &words, route)
}
