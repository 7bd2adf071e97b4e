//! Watching what commands change: the workspace before each of them, and after it.
//!
//! A command may change any file and says nothing about it, so the files are compared. What they were before
//! is kept beside the notes of the command itself: when this process is lost, the one that goes on compares.

use std::sync::Arc;

use crate::agent::runner::file_watch::{StoredSnapshot, write};
use crate::agent::runner::primitives::Runner;
use crate::platform::ids::ToolCallId;
use crate::tools::outcome::Effect;
use crate::workspace::snapshot::{FileSnapshot, SnapshotDiff, SnapshotLimits};

/// The most files of one command that are named.
const MOST_NAMED: usize = 500;

/// Looks at the files before a call whose effect nothing else shows, unless a server runs, or another process
/// began the call: then they are being watched already.
pub(crate) async fn begin(runner: &mut Runner, call: ToolCallId) {
    if runner.watch.before.is_some() {
        return;
    }
    runner.watch.call = Some(call);
    if let Some(now) = take(runner).await {
        watch_from(runner, now).await;
    }
}

/// Compares the files after a call. While a server runs, or what a command left behind, the watch goes on.
pub(crate) async fn end(runner: &mut Runner) -> Vec<Effect> {
    if runner.watch.before.is_none() {
        return Vec::new();
    }
    let effects = settle(runner).await;
    let is_busy = runner.tools.as_ref().is_some_and(|tools| {
        !tools.servers.ports().is_empty() || tools.processes.has_left_behind()
    });
    if let Some(last) = runner.watch.last.clone().filter(|_| is_busy) {
        watch_from(runner, last).await;
    }
    effects
}

/// Looks away while the project's checks run: what they write is not what the run changed.
pub(crate) async fn pause(runner: &mut Runner) {
    if runner.watch.before.is_some() {
        let effects = settle(runner).await;
        runner.state.usage.add_effects(&effects);
        runner.watch.is_paused = true;
    }
}

/// Goes on after the checks.
pub(crate) async fn go_on(runner: &mut Runner) {
    if std::mem::take(&mut runner.watch.is_paused)
        && let Some(now) = take(runner).await
    {
        watch_from(runner, now).await;
    }
}

async fn watch_from(runner: &mut Runner, snapshot: Arc<FileSnapshot>) {
    keep(runner, snapshot.clone()).await;
    runner.watch.before = Some(snapshot);
}

/// Compares the files at the end of a run, when nothing runs any more.
pub(crate) async fn settle(runner: &mut Runner) -> Vec<Effect> {
    let Some(before) = runner.watch.before.take() else {
        return Vec::new();
    };
    let Some(after) = take(runner).await else {
        runner.state.usage.missed_changes = true;
        return Vec::new();
    };
    let difference = before.difference(&after);
    runner.watch.last = Some(after);
    runner.state.usage.note_before(&difference);
    runner.state.usage.missed_changes |= !difference.is_complete;
    let mut effects = effects(difference);
    if effects.len() > MOST_NAMED {
        effects.truncate(MOST_NAMED);
        runner.state.usage.missed_changes = true;
    }
    effects
}

async fn take(runner: &Runner) -> Option<Arc<FileSnapshot>> {
    let workspace = runner.tools.as_ref()?.workspace.clone();
    let (known, now) = (runner.watch.last.clone(), runner.deps.clock.now());
    let look = move || {
        let limits = SnapshotLimits::default();
        FileSnapshot::take(&workspace, known.as_deref(), now, &limits)
    };
    let taken = tokio::task::spawn_blocking(look).await;
    taken.ok().map(Arc::new)
}

async fn keep(runner: &Runner, snapshot: Arc<FileSnapshot>) {
    let place = runner.deps.status_files.workspace_file(runner.run.id);
    let (Some(place), Some(call)) = (place, runner.watch.call) else {
        return;
    };
    let write = move || {
        let snapshot = &*snapshot;
        write(&place, &StoredSnapshot { call, snapshot })
    };
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(run.id = %runner.run.id, %error, "the files before a command are not kept");
        }
        Err(error) => tracing::error!(%error, "keeping the files before a command failed"),
    }
}

fn effects(difference: SnapshotDiff) -> Vec<Effect> {
    let mut effects = Vec::new();
    let renamed = difference.renamed.into_iter();
    effects.extend(renamed.map(|(from, to)| Effect::Renamed { from, to }));
    let deleted = difference.deleted.into_iter();
    effects.extend(deleted.map(|(path, _)| Effect::Deleted(path)));
    effects.extend(difference.created.into_iter().map(Effect::Created));
    let modified = difference.modified.into_iter();
    effects.extend(modified.map(|(path, _)| Effect::Modified(path)));
    effects
}
