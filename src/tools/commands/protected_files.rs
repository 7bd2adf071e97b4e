//! Files of a workspace that run code later, or say what may run: put back after a command that changed
//! them.
//!
//! Where there are namespaces, those that exist are read-only for commands; what is not there yet, and
//! everything where there are none, can be written by a command. A repository that a command makes
//! keeps its settings, but for those that run programs, and loses its hooks.
//!
//! Nothing here follows a link, and nothing is named by more than one name below an open folder: a
//! command that still runs may change whatever lies in between.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{AtFlags, OFlag, openat, readlinkat, renameat};
use nix::sys::stat::{Mode, SFlag, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, symlinkat, unlinkat};

use crate::exec::sandbox::wall::Tier;
use crate::platform::descriptors::descriptor_path;
use crate::tools::commands::repository_settings;
use crate::workspace::paths::Workspace;

/// The protected paths; the last are folders with all they hold.
const SINGLE: &[&str] = &[
    ".git",
    ".git/commondir",
    ".git/config",
    ".git/config.worktree",
];
const WHOLE: &[&str] = &[".git/hooks", ".navi"];

/// The folder whose making makes a repository.
const REPOSITORY: &str = ".git";
const SETTINGS: &str = ".git/config";

/// The end of the names of hooks that git does not run.
const SAMPLE: &str = "sample";

/// The largest file that can be put back, in bytes, and how many.
const FILE_BYTES: u64 = 1 << 20;
const FILES: usize = 500;

/// The protected files of a workspace at one time.
#[derive(Clone, Debug)]
pub struct ProtectedFiles {
    found: BTreeMap<PathBuf, Held>,
    /// True if commands could not change what was there.
    is_closed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    Folder,
    File {
        content: Vec<u8>,
        mode: u32,
        owner: (u32, u32),
    },
    Link(PathBuf),
    /// Something that cannot be put back.
    Other,
}

impl ProtectedFiles {
    /// Looks at the files before a command starts; none where commands are not contained. Blocks.
    pub fn of(workspace: &Workspace, tier: Tier) -> Option<Self> {
        let is_closed = match tier {
            Tier::None => return None,
            Tier::NoNamespaces => false,
            Tier::Full => true,
        };
        let found = look(workspace).unwrap_or_default();
        Some(Self { found, is_closed })
    }

    /// Puts back what a command changed since then, and says what, a sentence each. Blocks.
    pub fn put_back(&self, workspace: &Workspace) -> Vec<String> {
        let Ok(now) = look(workspace) else {
            return Vec::new();
        };
        let (was, is) = (
            self.found.get(Path::new(REPOSITORY)),
            now.get(Path::new(REPOSITORY)),
        );
        let is_new = was != Some(&Held::Folder) && is == Some(&Held::Folder);
        // Without its folder nothing of a repository runs anything.
        let is_gone = is.is_none();
        let mut said = Vec::new();
        for (path, entry) in now
            .iter()
            .filter(|(path, it)| self.found.get(*path) != Some(it))
        {
            if self.is_closed && self.found.contains_key(path) && entry != &Held::Other {
                continue;
            }
            let of_repository = path.starts_with(REPOSITORY);
            if is_new && path == Path::new(SETTINGS) {
                said.extend(without_programs(workspace, path, entry));
            } else if *entry == Held::Folder && of_repository {
                // It runs nothing; what is in it is looked at by itself.
            } else if !self.found.contains_key(path) {
                said.push(told(path, remove(workspace, path), "was removed"));
            }
        }
        for (path, entry) in self
            .found
            .iter()
            .filter(|(path, it)| now.get(*path) != Some(it))
        {
            let is_left =
                path.starts_with(REPOSITORY) && (is_gone || is_new || *entry == Held::Folder);
            if self.is_closed || is_left {
                continue;
            }
            said.push(told(
                path,
                restore(workspace, path, entry),
                "was put back as it was",
            ));
        }
        said
    }
}

fn told(path: &Path, done: std::io::Result<()>, what: &str) -> String {
    let path = path.display();
    match done {
        Ok(()) => {
            format!("`{path}` {what}: commands cannot change what runs code or says what may run")
        }
        Err(error) => {
            format!("`{path}` was changed by a command, and could not be put back: {error}")
        }
    }
}

/// Takes out of a new repository's settings what runs programs.
fn without_programs(workspace: &Workspace, path: &Path, entry: &Held) -> Option<String> {
    let Held::File {
        content,
        mode,
        owner,
    } = entry
    else {
        return Some(told(path, remove(workspace, path), "was removed"));
    };
    let (kept, removed) = repository_settings::harmless(&String::from_utf8_lossy(content));
    if removed.is_empty() {
        return None;
    }
    let entry = Held::File {
        content: kept.into_bytes(),
        mode: *mode,
        owner: *owner,
    };
    Some(match restore(workspace, path, &entry) {
        Ok(()) => format!(
            "settings of the new repository that commands cannot make were removed: {}",
            removed.join(", ")
        ),
        Err(error) => told(path, Err(error), ""),
    })
}

fn look(workspace: &Workspace) -> std::io::Result<BTreeMap<PathBuf, Held>> {
    let (root, _) = workspace
        .open_directory(".")
        .map_err(std::io::Error::other)?;
    let mut found = BTreeMap::new();
    for path in SINGLE.iter().chain(WHOLE).map(Path::new) {
        let Ok((folder, name)) = parent(root.as_fd(), path) else {
            continue;
        };
        let is_whole = WHOLE.iter().any(|it| path == Path::new(it));
        note(&folder, name, path, is_whole, &mut found)?;
    }
    Ok(found)
}

/// Opens the folder that a path lies in, following no links.
fn parent<'a>(root: BorrowedFd<'_>, path: &'a Path) -> std::io::Result<(OwnedFd, &'a OsStr)> {
    let mut folder = root.try_clone_to_owned()?;
    let around = path.parent().unwrap_or(Path::new(""));
    for part in around.components() {
        folder = open_folder(&folder, part.as_os_str())?;
    }
    let name = path.file_name();
    Ok((folder, name.ok_or(std::io::ErrorKind::InvalidInput)?))
}

fn open_folder(folder: &OwnedFd, name: &OsStr) -> std::io::Result<OwnedFd> {
    let how = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(folder, name, how, Mode::empty())?)
}

fn note(
    folder: &OwnedFd,
    name: &OsStr,
    path: &Path,
    is_whole: bool,
    found: &mut BTreeMap<PathBuf, Held>,
) -> std::io::Result<()> {
    let Some(entry) = entry(folder, name)? else {
        return Ok(());
    };
    let is_folder = entry == Held::Folder;
    found.insert(path.to_owned(), entry);
    if !is_folder || !is_whole {
        return Ok(());
    }
    let inside = open_folder(folder, name)?;
    for entry in std::fs::read_dir(descriptor_path(&inside))? {
        let name = entry?.file_name();
        let is_sample = Path::new(&name).extension() == Some(OsStr::new(SAMPLE));
        if !is_sample && found.len() < FILES {
            note(&inside, &name, &path.join(&name), true, found)?;
        }
    }
    Ok(())
}

fn entry(folder: &OwnedFd, name: &OsStr) -> std::io::Result<Option<Held>> {
    let Ok(there) = fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) else {
        return Ok(None);
    };
    let kind = SFlag::from_bits_truncate(there.st_mode) & SFlag::S_IFMT;
    if kind == SFlag::S_IFDIR {
        return Ok(Some(Held::Folder));
    }
    if kind == SFlag::S_IFLNK {
        return Ok(Some(Held::Link(readlinkat(folder, name)?.into())));
    }
    let how = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let opened = match openat(folder, name, how, Mode::empty()) {
        Ok(opened) if kind == SFlag::S_IFREG => File::from(opened),
        _ => return Ok(Some(Held::Other)),
    };
    let there = opened.metadata()?;
    if !there.is_file() || there.len() > FILE_BYTES {
        return Ok(Some(Held::Other));
    }
    let mut content = Vec::new();
    opened.take(FILE_BYTES).read_to_end(&mut content)?;
    Ok(Some(Held::File {
        content,
        mode: there.mode() & 0o7777,
        owner: (there.uid(), there.gid()),
    }))
}

fn remove(workspace: &Workspace, path: &Path) -> std::io::Result<()> {
    let (root, _) = workspace
        .open_directory(".")
        .map_err(std::io::Error::other)?;
    let (folder, name) = parent(root.as_fd(), path)?;
    clear(&folder, name)
}

/// Removes whatever has a name. What is gone already, with what it lay in, is no error.
fn clear(folder: &OwnedFd, name: &OsStr) -> std::io::Result<()> {
    match entry(folder, name)? {
        None => Ok(()),
        // It follows no link, and neither does its first step.
        Some(Held::Folder) => std::fs::remove_dir_all(descriptor_path(folder).join(name)),
        Some(_) => Ok(unlinkat(folder, name, UnlinkatFlags::NoRemoveDir)?),
    }
}

fn restore(workspace: &Workspace, path: &Path, entry: &Held) -> std::io::Result<()> {
    let (root, _) = workspace
        .open_directory(".")
        .map_err(std::io::Error::other)?;
    let (folder, name) = parent(root.as_fd(), path)?;
    if matches!(entry, Held::Other) {
        return Err(std::io::Error::other("it is no file of a usual size"));
    }
    clear(&folder, name)?;
    match entry {
        Held::Folder => Ok(mkdirat(&folder, name, Mode::from_bits_truncate(0o755))?),
        Held::Link(target) => Ok(symlinkat(target.as_path(), &folder, name)?),
        Held::File {
            content,
            mode,
            owner,
        } => {
            // Whole under another name first: a reader shall not see half of it.
            let draft = format!(".navi-{}", std::process::id());
            let draft = OsStr::new(&draft);
            clear(&folder, draft)?;
            let how = OFlag::O_WRONLY
                | OFlag::O_CREAT
                | OFlag::O_EXCL
                | OFlag::O_NOFOLLOW
                | OFlag::O_CLOEXEC;
            let mut file = File::from(openat(
                &folder,
                draft,
                how,
                Mode::from_bits_truncate(0o600),
            )?);
            file.write_all(content)?;
            // Only root may give it to somebody else.
            let _refused = fchown(
                &file,
                Some(Uid::from_raw(owner.0)),
                Some(Gid::from_raw(owner.1)),
            );
            file.set_permissions(Permissions::from_mode(*mode))?;
            Ok(renameat(&folder, draft, &folder, name)?)
        }
        Held::Other => Ok(()),
    }
}
