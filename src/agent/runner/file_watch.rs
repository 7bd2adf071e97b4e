//! The state of a watch over files, and how another process takes it up.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::agent::deps::Deps;
use crate::platform::ids::{RunId, ToolCallId};
use crate::runs::store::steps::{CallProgress, OpenCall};
use crate::workspace::snapshot::FileSnapshot;

/// The watch over a workspace's files while a run works.
#[derive(Debug, Default)]
pub(crate) struct FileWatch {
    /// The files before what is running now; none while nothing is.
    pub(super) before: Option<Arc<FileSnapshot>>,
    /// The files when they were last looked at. What has not changed since need not be hashed again.
    pub(super) last: Option<Arc<FileSnapshot>>,
    /// The call that was watched last.
    pub(super) call: Option<ToolCallId>,
    /// True while the project's checks run, whose files are not the run's.
    pub(super) is_paused: bool,
}

/// The files before a call, as they are kept for another process.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredSnapshot<S> {
    pub(super) call: ToolCallId,
    pub(super) snapshot: S,
}

/// The watch of a run that goes on here, and whether another process may have left changes that cannot be
/// told any more.
pub(crate) async fn resume(
    deps: &Deps,
    run_id: RunId,
    left_behind: &[OpenCall],
    has_servers: bool,
) -> (FileWatch, bool) {
    if !is_open(left_behind, has_servers) {
        return (FileWatch::default(), false);
    }
    let place = deps.status_files.workspace_file(run_id);
    let read = move || read(&place?);
    let kept = tokio::task::spawn_blocking(read).await.ok().flatten();
    let is_of_now = |kept: &StoredSnapshot<FileSnapshot>| {
        has_servers || left_behind.iter().any(|open| open.id == kept.call)
    };
    let Some(kept) = kept.filter(is_of_now) else {
        return (FileWatch::default(), true);
    };
    let watch = FileWatch {
        before: Some(Arc::new(kept.snapshot)),
        call: Some(kept.call),
        ..FileWatch::default()
    };
    (watch, false)
}

/// True if a call without a result, or a server, may have changed files.
pub(crate) fn is_open(left_behind: &[OpenCall], has_servers: bool) -> bool {
    let is_unseen = |open: &OpenCall| {
        let probe = open.probe.as_ref();
        let kind = probe.and_then(|probe| probe["sign"]["kind"].as_str());
        open.progress == CallProgress::Started && !matches!(kind, Some("file" | "repeatable"))
    };
    has_servers || left_behind.iter().any(is_unseen)
}

/// Writes beside and renames, so that a reader finds a whole one.
pub(super) fn write(place: &PathBuf, kept: &StoredSnapshot<&FileSnapshot>) -> std::io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec(kept)?)?;
    file.persist(place).map_err(|error| error.error)?;
    Ok(())
}

fn read(place: &Path) -> Option<StoredSnapshot<FileSnapshot>> {
    serde_json::from_slice(&std::fs::read(place).ok()?).ok()
}
