//! Notes of commands about themselves, for when the process that started them is gone.
//!
//! The supervisor of a command that may change something writes a small file: `begun` before the command
//! starts, which reaches the disk first; `ended CODE` when it ended by itself; `stopped` when it was
//! ended. A process that resumes the run on this machine can therefore tell a command that never began
//! from one that finished and from one that was cut off halfway. Other machines cannot. So every folder
//! of such files has a name, and only a process with the same folder trusts the notes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::platform::ids::{RunId, ToolCallId};

/// The file with the folder's own name.
const NAME: &str = "name";
/// The file with what a workspace was before a command; calls have files of their ids.
const WORKSPACE: &str = "workspace";
/// The retention of notes of a run that went on, and ended, on another machine.
const KEPT_FOR: Duration = Duration::from_hours(7 * 24);

/// The folder with the files of this machine; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct StatusFiles {
    place: Option<Arc<Place>>,
}

#[derive(Debug)]
struct Place {
    folder: PathBuf,
    name: String,
}

/// The status that a command noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandStatus {
    /// It never began.
    NotBegun,
    /// It ended by itself with this exit code.
    Ended(i32),
    /// It began, and was ended or lost before it was done.
    CutOff,
}

impl StatusFiles {
    /// Uses this folder, which is made when it is missing. Without one, or when it cannot be used,
    /// nothing is noted, and a command whose outcome was lost is asked about.
    pub fn open(folder: Option<PathBuf>) -> Self {
        let place = folder.and_then(|folder| match name_of(&folder) {
            Ok(name) => {
                forget_the_old(&folder);
                Some(Arc::new(Place { folder, name }))
            }
            Err(error) => {
                tracing::warn!(%error, "what commands note about themselves cannot be kept");
                None
            }
        });
        Self { place }
    }

    /// The name of the folder.
    pub fn name(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.name.as_str())
    }

    /// Where the supervisor of a call's command writes.
    pub fn file(&self, run_id: RunId, call: ToolCallId) -> Option<PathBuf> {
        let folder = self.folder(run_id)?;
        match std::fs::create_dir_all(&folder) {
            Ok(()) => Some(folder.join(call.to_string())),
            Err(error) => {
                tracing::warn!(%error, "what a command notes about itself cannot be kept");
                None
            }
        }
    }

    /// The file that keeps the state of a run's workspace before the command that runs now.
    pub fn workspace_file(&self, run_id: RunId) -> Option<PathBuf> {
        let folder = self.folder(run_id)?;
        match std::fs::create_dir_all(&folder) {
            Ok(()) => Some(folder.join(WORKSPACE)),
            Err(error) => {
                tracing::warn!(%error, "what a command finds cannot be kept");
                None
            }
        }
    }

    /// The note of a call's command in the folder of this name; none when that is another folder.
    pub fn read(&self, name: &str, run_id: RunId, call: ToolCallId) -> Option<CommandStatus> {
        if self.name() != Some(name) {
            return None;
        }
        let file = self.folder(run_id)?.join(call.to_string());
        match std::fs::read_to_string(file) {
            Ok(text) => Some(noted(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Some(CommandStatus::NotBegun)
            }
            Err(_) => None,
        }
    }

    /// Forgets a run that is over.
    pub fn forget(&self, run_id: RunId) {
        let Some(folder) = self.folder(run_id) else {
            return;
        };
        match std::fs::remove_dir_all(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "the notes of a run could not be removed"),
        }
    }

    fn folder(&self, run_id: RunId) -> Option<PathBuf> {
        let place = self.place.as_ref()?;
        Some(place.folder.join(run_id.to_string()))
    }
}

/// The status in a file. A line without its ending was being written, and says nothing yet. A code that
/// comes after `stopped` is that of a command that was ended, and says nothing either.
fn noted(text: &str) -> CommandStatus {
    let mut noted = CommandStatus::NotBegun;
    for line in text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        if let Some(code) = line.trim_end().strip_prefix("ended ") {
            return code
                .parse()
                .map_or(CommandStatus::CutOff, CommandStatus::Ended);
        }
        noted = CommandStatus::CutOff;
        if line == "stopped\n" {
            break;
        }
    }
    noted
}

/// Removes notes that are older than [`KEPT_FOR`].
fn forget_the_old(folder: &Path) {
    let runs = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_old = |run: &std::fs::DirEntry| {
        let touched = run.metadata().ok()?.modified().ok()?;
        Some(touched.elapsed().ok()? > KEPT_FOR)
    };
    for run in runs.filter(|run| run.file_name() != NAME && is_old(run) == Some(true)) {
        if let Err(error) = std::fs::remove_dir_all(run.path()) {
            tracing::warn!(%error, "old notes of a run could not be removed");
        }
    }
}

fn name_of(folder: &Path) -> std::io::Result<String> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join(NAME);
    match std::fs::read_to_string(&file) {
        Ok(name) if !name.is_empty() => return Ok(name),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Two processes that come at once agree on the name that was put there first.
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    write!(new, "{:032x}", rand::random::<u128>())?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(&file) {
        Ok(_) => {}
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
    }
    std::fs::read_to_string(&file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says() {
        for (text, expected) in [
            ("", CommandStatus::NotBegun),
            ("beg", CommandStatus::NotBegun),
            ("begun\n", CommandStatus::CutOff),
            ("begun\nended 0\n", CommandStatus::Ended(0)),
            ("begun\nended 0\nstopped\n", CommandStatus::Ended(0)),
            ("begun\nended 17\n", CommandStatus::Ended(17)),
            ("begun\nstopped\nended 143\n", CommandStatus::CutOff),
            ("begun\nended 1", CommandStatus::CutOff),
        ] {
            assert_eq!(noted(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_the_same_folder_is_believed() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let records = StatusFiles::open(Some(one.path().to_owned()));
        let name = records.name().unwrap().to_owned();
        let again = StatusFiles::open(Some(one.path().to_owned()));
        let elsewhere = StatusFiles::open(Some(other.path().to_owned()));
        let (run, call) = (RunId(uuid::Uuid::nil()), ToolCallId(uuid::Uuid::nil()));
        assert_eq!(again.read(&name, run, call), Some(CommandStatus::NotBegun));
        assert_eq!(elsewhere.read(&name, run, call), None);
        std::fs::write(records.file(run, call).unwrap(), "begun\nended 3\n").unwrap();
        assert_eq!(again.read(&name, run, call), Some(CommandStatus::Ended(3)));
        again.forget(run);
        assert_eq!(
            records.read(&name, run, call),
            Some(CommandStatus::NotBegun)
        );
    }
}
