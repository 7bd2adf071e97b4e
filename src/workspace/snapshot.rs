//! The files of a workspace at one moment, to be compared with those of another.
//!
//! A file is identified by its size, its times and, as far as there is room for it, the hash of its
//! content. Generated files are left out. Git would not do instead: it says nothing about ignored files,
//! and after a commit nothing about the committed changes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::platform::hex::hex;
use crate::workspace::generated::{is_generated_file, is_generated_folder};
use crate::workspace::paths::Workspace;
use crate::workspace::resolve::is_of_the_kernel;

/// The bounds of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotLimits {
    /// Files.
    pub files: usize,
    /// The time for all of it.
    pub time: Duration,
    /// The largest file whose content is hashed, in bytes.
    pub file_bytes: u64,
    /// The content that is hashed in all, in bytes.
    pub bytes: u64,
}

impl Default for SnapshotLimits {
    fn default() -> Self {
        Self {
            files: 50_000,
            time: Duration::from_secs(3),
            file_bytes: 4 * 1024 * 1024,
            bytes: 128 * 1024 * 1024,
        }
    }
}

/// Two writes within this time may leave the same modification time, on the coarsest file systems in use.
const COARSEST_TIMESTAMP: i64 = 2_000_000_000;

/// The files of a workspace at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSnapshot {
    files: BTreeMap<String, FileState>,
    /// Folders of generated files.
    left_out: BTreeSet<String>,
    /// The last path that was reached, when not all were.
    reached: Option<String>,
    /// The time at which it was taken, in nanoseconds.
    at: i64,
}

/// The state of a file or link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileState {
    inode: u64,
    size: u64,
    modified: i64,
    changed: i64,
    is_executable: bool,
    /// SHA-256 in hexadecimal, of a link's target for a link.
    hash: Option<String>,
}

impl FileState {
    fn of(found: &std::fs::Metadata) -> Self {
        let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000) + nanos;
        Self {
            inode: found.ino(),
            size: found.size(),
            modified: nanos(found.mtime(), found.mtime_nsec()),
            changed: nanos(found.ctime(), found.ctime_nsec()),
            is_executable: found.is_file() && found.mode() & 0o100 != 0,
            hash: None,
        }
    }

    fn has_times_of(&self, other: &Self) -> bool {
        let times = |state: &Self| (state.inode, state.size, state.modified, state.changed);
        times(self) == times(other)
    }

    /// True if the content is the same, as far as that can be told.
    fn is_as(&self, other: &Self) -> bool {
        let is_same = match (&self.hash, &other.hash) {
            (Some(one), Some(two)) => one == two,
            _ => (self.size, self.modified) == (other.size, other.modified),
        };
        is_same && self.is_executable == other.is_executable
    }
}

/// The changes of files between two moments, in the order of their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotDiff {
    /// Files that are new.
    pub created: Vec<String>,
    /// Files that were there and are other now, with the hash of what they were.
    pub modified: Vec<(String, Option<String>)>,
    /// Files that are gone, with the hash of what they were.
    pub deleted: Vec<(String, Option<String>)>,
    /// Files that have another path, as they are there.
    pub renamed: Vec<(String, String)>,
    /// True if every file was compared.
    pub is_complete: bool,
}

impl FileSnapshot {
    /// Looks at the files of a workspace now. Of those that are as an earlier snapshot knows them, the hash is
    /// taken from there.
    pub fn take(
        workspace: &Workspace,
        known: Option<&Self>,
        now: DateTime<Utc>,
        limits: &SnapshotLimits,
    ) -> Self {
        let mut taking = Taking {
            workspace,
            known,
            limits,
            began: Instant::now(),
            hashed: 0,
            snapshot: Self {
                at: now.timestamp_nanos_opt().unwrap_or_default(),
                ..Self::default()
            },
        };
        taking.walk();
        taking.snapshot
    }

    /// Compares with a later snapshot.
    pub fn difference(&self, later: &Self) -> SnapshotDiff {
        let mut difference = SnapshotDiff {
            is_complete: self.reached.is_none() && later.reached.is_none(),
            ..SnapshotDiff::default()
        };
        let is_compared = |path: &str| self.covers(path) && later.covers(path);
        let mut gone = Vec::new();
        for (path, before) in self.files.iter().filter(|(path, _)| is_compared(path)) {
            match later.files.get(path) {
                None => gone.push((path, before)),
                Some(after) if before.is_as(after) => {}
                Some(_) => {
                    let changed = (path.clone(), before.hash.clone());
                    difference.modified.push(changed);
                }
            }
        }
        let is_new = |path: &String| !self.files.contains_key(path) && is_compared(path);
        for (path, after) in later.files.iter().filter(|(path, _)| is_new(path)) {
            let is_it = |(_, before): &(&String, &FileState)| is_moved(before, after);
            match gone.iter().position(is_it) {
                Some(at) => {
                    let (from, _) = gone.remove(at);
                    difference.renamed.push((from.clone(), path.clone()));
                }
                None => difference.created.push(path.clone()),
            }
        }
        let gone = gone.into_iter();
        difference.deleted = gone
            .map(|(path, before)| (path.clone(), before.hash.clone()))
            .collect();
        difference
    }

    /// True if a path was looked at, or would have been if it had been there.
    fn covers(&self, path: &str) -> bool {
        let path = Path::new(path);
        let is_reached = |reached: &String| path <= Path::new(reached);
        let mut above = path.ancestors().skip(1).filter_map(Path::to_str);
        self.reached.as_ref().is_none_or(is_reached)
            && !above.any(|folder| self.left_out.contains(folder))
    }
}

/// True if a file that is gone is this new one. Empty files are all alike.
fn is_moved(before: &FileState, after: &FileState) -> bool {
    if before.size == 0 {
        return before.inode == after.inode && before.modified == after.modified;
    }
    match (&before.hash, &after.hash) {
        (Some(one), Some(two)) => one == two,
        _ => before.inode == after.inode && before.is_as(after),
    }
}

/// A snapshot that is being taken.
struct Taking<'a> {
    workspace: &'a Workspace,
    known: Option<&'a FileSnapshot>,
    limits: &'a SnapshotLimits,
    began: Instant,
    hashed: u64,
    snapshot: FileSnapshot,
}

impl Taking<'_> {
    /// Walks in the order of the paths, so that what a limit leaves out is the same every time.
    fn walk(&mut self) {
        let root = self.workspace.root();
        let home = root.symlink_metadata().ok().map(|found| found.dev());
        let mut last = String::new();
        let mut waiting = entries(root);
        while let Some(path) = waiting.pop() {
            if self.began.elapsed() > self.limits.time
                || self.snapshot.files.len() >= self.limits.files
            {
                self.snapshot.reached = Some(last);
                return;
            }
            let Some(relative) = path.strip_prefix(root).ok().and_then(Path::to_str) else {
                continue;
            };
            let Ok(found) = path.symlink_metadata() else {
                continue;
            };
            if found.is_dir() {
                // One of the kernel's own views may be mounted there.
                let is_elsewhere = home.is_some_and(|home| home != found.dev());
                if is_generated_folder(root, &path) || (is_elsewhere && is_view(&path)) {
                    self.snapshot.left_out.insert(relative.to_owned());
                } else {
                    waiting.extend(entries(&path));
                }
            } else if found.is_file() || found.is_symlink() {
                self.add(&path, relative, &found);
            }
            relative.clone_into(&mut last);
        }
    }

    fn add(&mut self, path: &Path, relative: &str, found: &std::fs::Metadata) {
        let name = relative.rsplit('/').next().unwrap_or(relative);
        if is_generated_file(name) {
            return;
        }
        let mut state = FileState::of(found);
        let known = self.known.and_then(|known| known.hash_of(relative, &state));
        state.hash = match known {
            Some(hash) => Some(hash.to_owned()),
            None if found.is_symlink() => std::fs::read_link(path)
                .ok()
                .map(|target| hex(&Sha256::digest(target.as_os_str().as_bytes()))),
            None => self.hash(path, state.size),
        };
        self.snapshot.files.insert(relative.to_owned(), state);
    }

    /// The hash of a file's content, if there is room for it.
    fn hash(&mut self, path: &Path, size: u64) -> Option<String> {
        if size > self.limits.file_bytes || self.hashed + size > self.limits.bytes {
            return None;
        }
        self.hashed += size;
        let relative = self.workspace.below_root(path)?;
        let file = self.workspace.open_relative(&relative).ok()?;
        let mut content = Vec::new();
        let most = self.limits.file_bytes;
        file.take(most + 1).read_to_end(&mut content).ok()?;
        (content.len() as u64 <= most).then(|| hex(&Sha256::digest(&content)))
    }
}

impl FileSnapshot {
    /// The hash of a file that is still as it was. One that had just been written may be another in spite of
    /// its times.
    fn hash_of(&self, path: &str, now: &FileState) -> Option<&str> {
        let known = self.files.get(path)?;
        let is_settled = known.modified.max(known.changed) < self.at - COARSEST_TIMESTAMP;
        let is_same = is_settled && known.has_times_of(now);
        known.hash.as_deref().filter(|_| is_same)
    }
}

/// True if a folder holds no files but shows processes, devices or controls.
fn is_view(folder: &Path) -> bool {
    let open = std::fs::File::open(folder);
    open.is_ok_and(|open| is_of_the_kernel(&open.into()))
}

/// The entries of a folder, the last first. A folder that cannot be read has nothing in it.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort_unstable_by(|one, other| other.cmp(one));
    paths
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::platform::clock::Clock;

    fn now() -> DateTime<Utc> {
        Clock::System.now()
    }

    struct Folder {
        path: PathBuf,
        workspace: Workspace,
        _kept: tempfile::TempDir,
    }

    fn folder(files: &[(&str, &str)]) -> Folder {
        let kept = tempfile::tempdir().unwrap();
        let path = kept.path().canonicalize().unwrap();
        let folder = Folder {
            workspace: Workspace::open(path.to_str().unwrap()).unwrap(),
            path,
            _kept: kept,
        };
        for (name, text) in files {
            folder.put(name, text);
        }
        folder
    }

    impl Folder {
        fn put(&self, name: &str, text: &str) {
            let path = self.path.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn take(&self, known: Option<&FileSnapshot>) -> FileSnapshot {
            let limits = SnapshotLimits::default();
            FileSnapshot::take(&self.workspace, known, now(), &limits)
        }

        /// The changes since `before`, one to a line.
        fn since(&self, before: &FileSnapshot) -> Vec<String> {
            let difference = before.difference(&self.take(Some(before)));
            assert!(difference.is_complete);
            let mut lines = Vec::new();
            lines.extend(difference.created.iter().map(|path| format!("+ {path}")));
            lines.extend(
                difference
                    .modified
                    .iter()
                    .map(|(path, _)| format!("~ {path}")),
            );
            lines.extend(
                difference
                    .deleted
                    .iter()
                    .map(|(path, _)| format!("- {path}")),
            );
            let renamed = difference.renamed.iter();
            lines.extend(renamed.map(|(from, to)| format!("{from} > {to}")));
            lines
        }
    }

    #[test]
    fn every_kind_of_change_is_told() {
        let folder = folder(&[
            ("a", "1"),
            ("b/c", "2"),
            ("b/d", "3"),
            ("e", "4"),
            ("tool", "5"),
        ]);
        symlink("a", folder.path.join("link")).unwrap();
        let before = folder.take(None);
        folder.put("new", "6");
        folder.put("a", "7");
        fs::remove_file(folder.path.join("b/c")).unwrap();
        fs::rename(folder.path.join("b/d"), folder.path.join("b/moved")).unwrap();
        fs::set_permissions(folder.path.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::remove_file(folder.path.join("link")).unwrap();
        symlink("e", folder.path.join("link")).unwrap();
        assert_eq!(
            folder.since(&before),
            ["+ new", "~ a", "~ link", "~ tool", "- b/c", "b/d > b/moved"]
        );
    }

    #[test]
    fn what_is_written_again_as_it_was_is_no_change() {
        let folder = folder(&[("a", "1"), ("b", "2")]);
        let before = folder.take(None);
        folder.put("a", "1");
        fs::copy(folder.path.join("b"), folder.path.join("c")).unwrap();
        fs::rename(folder.path.join("c"), folder.path.join("b")).unwrap();
        assert_eq!(folder.since(&before), Vec::<String>::new());
    }

    #[test]
    fn a_change_right_after_a_snapshot_is_seen_although_size_and_time_are_the_same() {
        let folder = folder(&[("a", "1")]);
        let file = fs::File::options()
            .write(true)
            .open(folder.path.join("a"))
            .unwrap();
        let time = file.metadata().unwrap().modified().unwrap();
        let before = folder.take(None);
        folder.put("a", "2");
        file.set_modified(time).unwrap();
        assert_eq!(folder.since(&before), ["~ a"]);
    }

    #[test]
    fn what_tools_generate_is_left_out() {
        let folder = folder(&[
            (".gitignore", "dist/\n*.env\n"),
            ("app/.gitignore", "/build\n"),
            ("crate/Cargo.toml", ""),
            ("build/kept", "1"),
            ("target/kept", "1"),
        ]);
        let before = folder.take(None);
        for generated in [
            ".git/index",
            "node_modules/x/index.js",
            "app/__pycache__/x.pyc",
            "app/build/x",
            "app/dist/x",
            "crate/target/debug/x",
            "cache/CACHEDIR.TAG",
            "cache/x",
            "venv/pyvenv.cfg",
            "x.egg-info/PKG-INFO",
            "x.pyc",
        ] {
            folder.put(generated, "2");
        }
        folder.put("build/kept", "2");
        folder.put("target/kept", "2");
        // Ignored, and written by hand.
        folder.put("local.env", "2");
        assert_eq!(
            folder.since(&before),
            ["+ local.env", "~ build/kept", "~ target/kept"]
        );
        // A folder that becomes one of generated files was not deleted.
        let before = folder.take(None);
        folder.put("build/CACHEDIR.TAG", "");
        assert_eq!(folder.since(&before), Vec::<String>::new());
    }

    #[test]
    fn what_is_beyond_a_limit_is_neither_new_nor_gone() {
        let folder = folder(&[
            ("a", "1"),
            ("b", "1"),
            ("b-c", "1"),
            ("b.d/e", "1"),
            ("f", "1"),
        ]);
        let few = |files| {
            let limits = SnapshotLimits {
                files,
                ..SnapshotLimits::default()
            };
            FileSnapshot::take(&folder.workspace, None, now(), &limits)
        };
        let (two, all) = (few(2), few(9));
        let nothing = SnapshotDiff::default();
        assert_eq!(two.difference(&all), nothing);
        assert_eq!(all.difference(&two), nothing);
        folder.put("a", "2");
        let difference = two.difference(&few(9));
        assert_eq!(difference.modified.len(), 1);
        assert!(!difference.is_complete);
    }

    #[test]
    fn a_stored_snapshot_is_the_same() {
        let folder = folder(&[("a", "1"), ("node_modules/x", "2")]);
        let before = folder.take(None);
        let stored = serde_json::to_vec(&before).unwrap();
        let read: FileSnapshot = serde_json::from_slice(&stored).unwrap();
        assert_eq!(read, before);
    }
}
