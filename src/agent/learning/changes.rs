//! The fate of a run's changes: kept, edited or put back.
//!
//! A run that changed files leaves a note of their hashes before and afterwards. The next run or chat in the
//! same folder compares them with the files, and so does every server from time to time; the result is a
//! signal about the answer. A folder that is not on this machine says nothing here.

use std::io::Read;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::agent::deps::Deps;
use crate::feedback::model::{FeedbackSignal, SignalSource};
use crate::feedback::store::signals;
use crate::platform::hex::hex;
use crate::platform::ids::OrgId;
use crate::runs::store::changes as store;
use crate::runs::store::changes::Due;
use crate::workspace::paths::Workspace;

/// The most files of a run that are looked at.
pub(crate) const MAX_FILES: usize = 50;
/// A file larger than this is not.
const MAX_BYTES: u64 = 1024 * 1024;
/// The time users have before a server looks by itself.
const CHECK_AFTER: TimeDelta = TimeDelta::hours(1);
/// Between two looks of a server.
const CHECK_EVERY: Duration = Duration::from_mins(5);
/// The most notes taken up at once.
const AT_ONCE: i64 = 50;

/// A file that a run changed, as hashes of its content; none when it was not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The file, relative to the workspace.
    pub path: String,
    /// SHA-256 before the run, in hexadecimal.
    pub before: Option<String>,
    /// The same at its end.
    pub after: Option<String>,
}

/// Judges these changes by what is in the workspace now; nothing when there were none.
fn judge(changes: &[FileChange], now: impl Fn(&str) -> Option<String>) -> Option<FeedbackSignal> {
    let is_changed = |change: &&FileChange| change.before != change.after;
    let changes: Vec<_> = changes.iter().filter(is_changed).collect();
    if changes.is_empty() {
        return None;
    }
    let found: Vec<_> = changes.iter().map(|change| now(&change.path)).collect();
    let all = |is: fn(&FileChange) -> &Option<String>| {
        let mut pairs = changes.iter().zip(&found);
        pairs.all(|(change, found)| is(change) == found)
    };
    Some(if all(|change| &change.after) {
        FeedbackSignal::Kept
    } else if all(|change| &change.before) {
        FeedbackSignal::Reverted
    } else {
        FeedbackSignal::Edited
    })
}

/// The hash of a file; none when it is not there, or nothing that is looked at.
pub(crate) fn hash_of(workspace: &Workspace, path: &str) -> Option<String> {
    let (file, _) = workspace.open_file(path).ok()?;
    let mut content = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut content).ok()?;
    (content.len() as u64 <= MAX_BYTES).then(|| hex(&Sha256::digest(&content)))
}

/// Checks earlier changes in a folder that a run works in now.
pub(crate) async fn check_past_changes(deps: &Deps, org_id: &OrgId, workspace: &Workspace) {
    let folder = workspace.root().to_string_lossy().into_owned();
    let looked = async {
        let mut conn = deps.db.acquire().await?;
        let due = store::of_workspace(&mut conn, org_id, &folder, AT_ONCE).await?;
        drop(conn);
        for note in due {
            check(deps, note).await?;
        }
        Ok::<_, sqlx::Error>(())
    };
    if let Err(error) = looked.await {
        tracing::warn!(%error, "the outcome of earlier changes is unknown");
    }
}

/// Looks from time to time what became of changes, until the end of the process.
pub fn keep_checking(deps: &Deps) {
    let (tasks, deps) = (deps.tasks.clone(), deps.clone());
    let stopping = tasks.stopping();
    tasks.spawn(async move {
        let look = async {
            loop {
                tokio::time::sleep(CHECK_EVERY).await;
                if let Err(error) = check_all(&deps).await {
                    tracing::warn!(%error, "the outcome of changes is unknown");
                }
            }
        };
        stopping.run_until_cancelled(look).await;
    });
}

/// Looks at everything that is due.
pub async fn check_all(deps: &Deps) -> sqlx::Result<()> {
    let before = deps.clock.now() - CHECK_AFTER;
    let mut after: (DateTime<Utc>, uuid::Uuid) = (DateTime::UNIX_EPOCH, uuid::Uuid::nil());
    loop {
        let mut conn = deps.db.acquire().await?;
        let due = store::due(&mut conn, before, after, AT_ONCE).await?;
        drop(conn);
        let Some(last) = due.last() else {
            return Ok(());
        };
        after = (last.created_at, last.run_id.0);
        for note in due {
            check(deps, note).await?;
        }
    }
}

/// Looks at the changes of one run, and notes what became of them. Of several servers that do one
/// succeeds.
async fn check(deps: &Deps, note: Due) -> sqlx::Result<()> {
    // A folder that was released may be another organisation's by now.
    let is_theirs = deps
        .workspaces
        .is_open_to(&note.org_id, &note.workspace)
        .await?;
    if !is_theirs {
        return Ok(());
    }
    let (folder, files) = (note.workspace.clone(), note.files.clone());
    let look = move || {
        let files: Vec<FileChange> = serde_json::from_value(files).unwrap_or_default();
        // Only a process that has the folder can say anything.
        let workspace = Workspace::open(&folder).ok()?;
        Some(judge(&files, |path| hash_of(&workspace, path)))
    };
    let Ok(Some(signal)) = tokio::task::spawn_blocking(look).await else {
        return Ok(());
    };
    let mut tx = deps.db.begin().await?;
    if store::take(&mut tx, &note.org_id, note.run_id).await? {
        let seen: Vec<_> = signal
            .map(|signal| (signal, SignalSource::Workspace))
            .into_iter()
            .collect();
        let now = deps.clock.now();
        signals::record(&mut tx, &note.org_id, note.gen_id, &seen, now).await?;
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
        FileChange {
            path: path.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        }
    }

    #[test]
    fn what_became_of_changes_is_read_from_the_files() {
        let changes = [
            change("a", Some("1"), Some("2")),
            change("made", None, Some("3")),
            change("untouched", Some("4"), Some("4")),
        ];
        for (a, made, signal) in [
            (Some("2"), Some("3"), FeedbackSignal::Kept),
            (Some("1"), None, FeedbackSignal::Reverted),
            (Some("1"), Some("3"), FeedbackSignal::Edited),
            (Some("9"), Some("3"), FeedbackSignal::Edited),
            (None, None, FeedbackSignal::Edited),
        ] {
            let now = |path: &str| match path {
                "a" => a.map(str::to_owned),
                "made" => made.map(str::to_owned),
                _ => Some("whatever".to_owned()),
            };
            assert_eq!(judge(&changes, now), Some(signal), "{a:?} {made:?}");
        }
        assert_eq!(judge(&changes[2..], |_| None), None);
    }
}
