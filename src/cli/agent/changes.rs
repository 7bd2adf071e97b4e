//! The changes of a run in a folder: the text files before and after, as a unified diff.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use similar::TextDiff;

use crate::workspace::paths::Workspace;

/// The largest file that is compared, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// The most that is kept in memory of a whole folder, in bytes.
const MAX_TOTAL_BYTES: usize = 64 * 1024 * 1024;

/// The most entries that are looked at; a home folder has millions.
const MAX_ENTRIES: usize = 50_000;

/// The text files of a folder at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    files: BTreeMap<String, String>,
    is_partial: bool,
}

impl Snapshot {
    /// Reads what the folder's ignore rules do not leave out. Pipes, devices, sockets and the kernel's own
    /// views are never opened: reading one may take forever, or do something.
    pub fn take(workspace: &Workspace) -> Self {
        let root = workspace.root();
        let mut snapshot = Self::default();
        let mut total = 0;
        let walk = ignore::WalkBuilder::new(root)
            .hidden(false)
            // A folder's own rules count, whether or not it is a repository.
            .require_git(false)
            .same_file_system(true)
            .filter_entry(|entry| entry.file_name() != ".git")
            .build();
        for (count, entry) in walk.flatten().enumerate() {
            if count >= MAX_ENTRIES {
                snapshot.is_partial = true;
                break;
            }
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            if !is_file
                || entry
                    .metadata()
                    .is_ok_and(|data| data.len() > MAX_FILE_BYTES)
            {
                continue;
            }
            let Some(text) = text_of(workspace, entry.path()) else {
                continue;
            };
            total += text.len();
            if total > MAX_TOTAL_BYTES {
                snapshot.is_partial = true;
                break;
            }
            let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
            snapshot
                .files
                .insert(path.to_string_lossy().into_owned(), text);
        }
        snapshot
    }

    /// The files that became others.
    pub fn changed<'a>(&'a self, after: &'a Self) -> Vec<&'a String> {
        let paths: BTreeSet<_> = self.files.keys().chain(after.files.keys()).collect();
        let differs = |path: &&String| self.files.get(*path) != after.files.get(*path);
        paths.into_iter().filter(differs).collect()
    }

    /// True if the folder was too large to be read whole.
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// The difference from this snapshot to a later one, as a unified diff; empty when nothing changed.
    pub fn diff(&self, after: &Self, paths: &[&String]) -> String {
        let mut text = String::new();
        for path in paths {
            let old = self.files.get(*path).map_or("", String::as_str);
            let new = after.files.get(*path).map_or("", String::as_str);
            let (from, to) = (format!("a/{path}"), format!("b/{path}"));
            let diff = TextDiff::from_lines(old, new);
            text.push_str(&diff.unified_diff().header(&from, &to).to_string());
        }
        text
    }
}

/// The text of a regular file. What a path leads to is looked at again when it is open.
fn text_of(workspace: &Workspace, path: &Path) -> Option<String> {
    let relative = workspace.below_root(path)?;
    let file = workspace.open_relative(&relative).ok()?;
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(folder: &Path) -> Snapshot {
        let folder = folder.canonicalize().expect("a folder");
        let workspace = Workspace::open(folder.to_str().expect("text")).expect("a workspace");
        Snapshot::take(&workspace)
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let mode = nix::sys::stat::Mode::S_IRWXU;
        nix::unistd::mkfifo(&pipe, mode).expect("a pipe");
        std::os::unix::net::UnixListener::bind(folder.path().join("socket")).expect("a socket");
        std::os::unix::fs::symlink("/proc/kmsg", folder.path().join("kernel")).expect("a link");
        std::fs::write(folder.path().join("file"), "text\n").expect("a file");
        // Opening the pipe would wait for a writer that never comes.
        let taken = snapshot(folder.path());
        assert_eq!(taken.files.keys().collect::<Vec<_>>(), ["file"]);
    }

    #[test]
    fn a_change_an_addition_and_a_removal_are_shown_and_ignored_files_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("kept", "same\n").expect("write");
        write("changed", "one\ntwo\n").expect("write");
        write("removed", "gone\n").expect("write");
        write(".ignore", "noise\n").expect("write");
        let before = snapshot(folder.path());
        write("changed", "one\n2\n").expect("write");
        write("added", "new\n").expect("write");
        write("noise", "x\n").expect("write");
        std::fs::remove_file(folder.path().join("removed")).expect("remove");
        let after = snapshot(folder.path());
        insta::assert_snapshot!(before.diff(&after, &before.changed(&after)), @r"
        --- a/added
        +++ b/added
        @@ -0,0 +1 @@
        +new
        --- a/changed
        +++ b/changed
        @@ -1,2 +1,2 @@
         one
        -two
        +2
        --- a/removed
        +++ b/removed
        @@ -1 +0,0 @@
        -gone
        ");
    }
}
