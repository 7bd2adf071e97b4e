//! Bringing an index up to date with its folder.
//!
//! The folder belongs to someone else and may change under our feet, on purpose too: a file that
//! turns into a link between being listed and being opened must not lead outside. So files are
//! opened by the kernel's own rule (`openat2` beneath the folder, through no link), never by path.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use ignore::{DirEntry, WalkBuilder};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use tokio_util::sync::CancellationToken;

use crate::platform::encoding::contents::Contents;
use crate::policy::secret_files::SecretFiles;
use crate::retrieval::index::Index;
use crate::retrieval::model::{Fingerprint, Limits};

/// Folders deeper than this hold no code that people wrote.
const MAX_DEPTH: usize = 64;
/// Two writes within this time may leave the same modification time, on the coarsest file systems
/// in use; a file this young is read again by the next refresh.
const COARSEST_TIMESTAMP: TimeDelta = TimeDelta::seconds(2);
/// Folders of other people's code that are not always listed in an ignore file.
const FOREIGN_FOLDERS: &[&str] = &["node_modules", "__pycache__"];
/// A folder that holds one of these is generated: a cache, or an installed Python environment.
const GENERATED_MARKS: &[&str] = &["CACHEDIR.TAG", "pyvenv.cfg"];
/// Files that tools write; they name every dependency and would match every question.
const GENERATED_FILES: &[&str] = &[
    ".lock",
    ".map",
    ".min.css",
    ".min.js",
    ".svg",
    "-lock.json",
    "-lock.yaml",
    "go.sum",
];

/// The result of a refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Files that were eligible.
    pub considered: usize,
    /// Files that are secret by their name or their folder.
    pub secret: usize,
    /// True if all of them were reached; bounds, time and cancellation stop a refresh early.
    pub complete: bool,
}

/// A workspace's folder, held open.
#[derive(Debug)]
pub struct Root<'a> {
    path: &'a Path,
    folder: OwnedFd,
}

impl<'a> Root<'a> {
    /// Opens the folder; fails when it is none.
    pub fn open(path: &'a Path) -> std::io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let folder = open(path, flags, Mode::empty())?;
        Ok(Self { path, folder })
    }

    /// Reads a regular file beneath the folder, at most `limit` bytes, and says in which state it
    /// was. Links on the way are refused, wherever they lead.
    pub fn read(&self, path: &str, limit: u64) -> std::io::Result<(Vec<u8>, Fingerprint)> {
        // Without O_NONBLOCK, opening a pipe would wait for its writer.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let beneath = ResolveFlag::RESOLVE_BENEATH
            | ResolveFlag::RESOLVE_NO_SYMLINKS
            | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        let how = OpenHow::new().flags(flags).resolve(beneath);
        let file = std::fs::File::from(openat2(&self.folder, path, how)?);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        if metadata.len() > limit {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok((bytes, fingerprint(&metadata)))
    }
}

/// A refresh of an index.
#[derive(Debug)]
pub struct Refresh<'a> {
    /// The folder.
    pub root: &'a Root<'a>,
    /// The bounds of the index.
    pub limits: &'a Limits,
    /// The files that are left out.
    pub secrets: &'a SecretFiles,
    /// The number of this refresh, different from every earlier one.
    pub round: u64,
    /// The time.
    pub now: DateTime<Utc>,
    /// Ends the refresh early.
    pub cancelled: &'a CancellationToken,
}

/// Reads what changed since the last refresh and forgets what is gone.
pub fn refresh(index: &mut Index, refresh: &Refresh<'_>) -> Refreshed {
    let Refresh {
        root,
        limits,
        round,
        cancelled,
        ..
    } = *refresh;
    let deadline = Instant::now() + limits.refresh_time;
    let (mut considered, mut secret) = (0, 0);
    let mut total_bytes: u64 = 0;
    // Entries come in path order, so that the bounds keep the same files every time.
    for entry in walker(root.path).flatten() {
        // Also where nothing is eligible: a folder may hold millions of pictures.
        if cancelled.is_cancelled() || Instant::now() >= deadline {
            // A file that was not reached is not gone: it stays in the index as it was.
            return Refreshed {
                considered,
                secret,
                complete: false,
            };
        }
        let Some((path, metadata)) = eligible(&entry, root.path, limits) else {
            continue;
        };
        // A file that became secret since is not marked as seen, so it is forgotten.
        if refresh.secrets.is_named(path) {
            secret += 1;
            continue;
        }
        total_bytes = total_bytes.saturating_add(metadata.len());
        if considered >= limits.max_files || total_bytes > limits.max_total_bytes {
            index.retain_seen(round);
            return Refreshed {
                considered,
                secret,
                complete: false,
            };
        }
        considered += 1;
        if index.is_current(path, &fingerprint(&metadata), round) {
            continue;
        }
        match root.read(path, limits.max_file_bytes) {
            Ok((bytes, state)) => {
                let settled = is_settled(&state, refresh.now).then_some(state);
                let text = text_of(&bytes);
                if refresh.secrets.is_secret(path, &text) {
                    index.put_secret(path, settled, round);
                } else {
                    index.put(path, settled, &text, round);
                }
            }
            // It vanished, or may not be read, or became something else: no part of the index.
            Err(_) => index.remove(path),
        }
    }
    index.retain_seen(round);
    Refreshed {
        considered,
        secret,
        complete: true,
    }
}

/// The text of a file, whatever its encoding: nothing when it is binary; what cannot be read becomes U+FFFD.
pub fn text_of(bytes: &[u8]) -> String {
    Contents::of(bytes).text().unwrap_or_default()
}

fn walker(root: &Path) -> ignore::Walk {
    WalkBuilder::new(root)
        // Nothing outside the workspace has a say in it: no ignore files of parent folders, no
        // settings of the user the server runs as.
        .standard_filters(false)
        .hidden(true)
        .ignore(true)
        .git_ignore(true)
        .git_exclude(true)
        .require_git(false)
        .follow_links(false)
        .same_file_system(true)
        .max_depth(Some(MAX_DEPTH))
        .sort_by_file_name(Ord::cmp)
        .filter_entry(|entry| entry.depth() == 0 || !is_folder(entry) || !is_foreign_folder(entry))
        .build()
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

fn is_foreign_folder(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_str().unwrap_or_default();
    FOREIGN_FOLDERS.contains(&name)
        || GENERATED_MARKS
            .iter()
            .any(|mark| entry.path().join(mark).symlink_metadata().is_ok())
}

/// The relative path and metadata of a regular file that is neither too large nor generated. A path
/// that is no UTF-8 could not be named to a model and is left out.
fn eligible<'a>(
    entry: &'a DirEntry,
    root: &Path,
    limits: &Limits,
) -> Option<(&'a str, std::fs::Metadata)> {
    if !entry.file_type()?.is_file() {
        return None;
    }
    let path = entry.path().strip_prefix(root).ok()?.to_str()?;
    if GENERATED_FILES.iter().any(|ending| path.ends_with(ending)) {
        return None;
    }
    let metadata = entry.metadata().ok()?;
    (metadata.is_file() && metadata.len() <= limits.max_file_bytes).then_some((path, metadata))
}

fn fingerprint(metadata: &std::fs::Metadata) -> Fingerprint {
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Fingerprint {
        inode: metadata.ino(),
        size: metadata.size(),
        modified: nanos(metadata.mtime(), metadata.mtime_nsec()),
        changed: nanos(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// True if a later write would show: the file is old enough that its times would differ.
fn is_settled(state: &Fingerprint, now: DateTime<Utc>) -> bool {
    let horizon = now
        .checked_sub_signed(COARSEST_TIMESTAMP)
        .map_or(0, |at| i128::from(at.timestamp_micros()) * 1_000);
    state.modified.max(state.changed) < horizon
}
