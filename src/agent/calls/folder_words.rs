//! The instructions of folders, told with the first result of a call that touches what is in them.

use std::collections::BTreeSet;

use crate::agent::repository::folders;
use crate::agent::repository::model::ShownWords;
use crate::agent::repository::reader::RepositoryReader;
use crate::agent::runner::primitives::Runner;
use crate::tools::outcome::Effect;

/// The most files of one call whose folders are looked at.
const MAX_FILES: usize = 50;
/// The most folders whose instructions one conversation is told.
const MAX_TOLD: usize = 64;

/// The instructions for what a call has touched that the model was not told yet. A file that this run itself
/// has changed tells nothing, or what a command writes would speak for the repository.
pub(super) async fn for_touched(runner: &mut Runner, effects: &[Effect]) -> ShownWords {
    let limit = runner.deps.config.instructions_bytes();
    let touched: Vec<String> = effects.iter().filter_map(file_of).take(MAX_FILES).collect();
    let is_full = runner.state.told.files.len() >= MAX_TOLD;
    let Some(tools) = runner.tools.as_ref().filter(|_| limit > 0 && !is_full) else {
        return ShownWords::default();
    };
    if touched.is_empty() {
        return ShownWords::default();
    }
    let (workspace, secrets) = (tools.workspace.clone(), runner.secret_files());
    let mut silent: BTreeSet<String> = runner.state.usage.changed_files();
    silent.extend(runner.state.told.files.iter().cloned());
    let left = limit.saturating_sub(runner.state.told.bytes);
    let read = move || {
        let reader = RepositoryReader {
            workspace: &workspace,
            secrets: &secrets,
        };
        folders::read(reader, &touched, |path| silent.contains(path), left)
    };
    let words = tokio::task::spawn_blocking(read).await.unwrap_or_default();
    let told = &mut runner.state.told;
    told.bytes += words.bytes();
    told.files
        .extend(words.files.iter().map(|file| file.path.clone()));
    words
}

/// The file that an effect is about, where it is now.
fn file_of(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Read(path)
        | Effect::Created(path)
        | Effect::Modified(path)
        | Effect::Renamed { to: path, .. } => Some(path.clone()),
        Effect::Deleted(_) | Effect::Ran { .. } => None,
    }
}
