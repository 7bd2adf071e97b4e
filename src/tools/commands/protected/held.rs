//! Entries of a folder: noted, removed, and made again as they were.
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

use crate::platform::process::descriptors::descriptor_path;

/// The end of the names of hooks that git does not run.
const SAMPLE: &str = "sample";

/// The largest file that can be put back, in bytes, and how many of a folder.
const FILE_BYTES: u64 = 1 << 20;
const FILES: usize = 500;

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeldEntry {
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

/// Opens the folder that a path lies in, following no links.
pub(super) fn parent<'a>(
    base: BorrowedFd<'_>,
    path: &'a Path,
) -> std::io::Result<(OwnedFd, &'a OsStr)> {
    let mut folder = base.try_clone_to_owned()?;
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

/// Notes what a path names; nothing when there is nothing.
pub(super) fn note(
    base: BorrowedFd<'_>,
    path: &Path,
    found: &mut BTreeMap<PathBuf, HeldEntry>,
) -> std::io::Result<()> {
    let Ok((folder, name)) = parent(base, path) else {
        return Ok(());
    };
    if let Some(entry) = entry(&folder, name)? {
        found.insert(path.to_owned(), entry);
    }
    Ok(())
}

/// Notes a folder with all that it holds. One that holds too much cannot be put back.
pub(super) fn note_whole(
    base: BorrowedFd<'_>,
    path: &Path,
    found: &mut BTreeMap<PathBuf, HeldEntry>,
) -> std::io::Result<()> {
    let Ok((folder, name)) = parent(base, path) else {
        return Ok(());
    };
    let mut inside = BTreeMap::new();
    note_inside(&folder, name, path, &mut inside)?;
    if inside.len() > FILES {
        inside = BTreeMap::from([(path.to_owned(), HeldEntry::Other)]);
    }
    found.append(&mut inside);
    Ok(())
}

fn note_inside(
    folder: &OwnedFd,
    name: &OsStr,
    path: &Path,
    found: &mut BTreeMap<PathBuf, HeldEntry>,
) -> std::io::Result<()> {
    let Some(entry) = entry(folder, name)? else {
        return Ok(());
    };
    let is_folder = entry == HeldEntry::Folder;
    found.insert(path.to_owned(), entry);
    if !is_folder {
        return Ok(());
    }
    let inside = open_folder(folder, name)?;
    for entry in std::fs::read_dir(descriptor_path(&inside))? {
        let name = entry?.file_name();
        let is_sample = Path::new(&name).extension() == Some(OsStr::new(SAMPLE));
        if !is_sample && found.len() <= FILES {
            note_inside(&inside, &name, &path.join(&name), found)?;
        }
    }
    Ok(())
}

fn entry(folder: &OwnedFd, name: &OsStr) -> std::io::Result<Option<HeldEntry>> {
    let Ok(there) = fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) else {
        return Ok(None);
    };
    let kind = SFlag::from_bits_truncate(there.st_mode) & SFlag::S_IFMT;
    if kind == SFlag::S_IFDIR {
        return Ok(Some(HeldEntry::Folder));
    }
    if kind == SFlag::S_IFLNK {
        return Ok(Some(HeldEntry::Link(readlinkat(folder, name)?.into())));
    }
    let how = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let opened = match openat(folder, name, how, Mode::empty()) {
        Ok(opened) if kind == SFlag::S_IFREG => File::from(opened),
        _ => return Ok(Some(HeldEntry::Other)),
    };
    let there = opened.metadata()?;
    if !there.is_file() || there.len() > FILE_BYTES {
        return Ok(Some(HeldEntry::Other));
    }
    let mut content = Vec::new();
    opened.take(FILE_BYTES).read_to_end(&mut content)?;
    Ok(Some(HeldEntry::File {
        content,
        mode: there.mode() & 0o7777,
        owner: (there.uid(), there.gid()),
    }))
}

/// Removes whatever a path names.
pub(super) fn remove(base: &OwnedFd, path: &Path) -> std::io::Result<()> {
    let (folder, name) = parent(base.as_fd(), path)?;
    clear(&folder, name)
}

/// Removes whatever has a name. What is gone already, with what it lay in, is no error.
fn clear(folder: &OwnedFd, name: &OsStr) -> std::io::Result<()> {
    match entry(folder, name)? {
        None => Ok(()),
        // It follows no link, and neither does its first step.
        Some(HeldEntry::Folder) => std::fs::remove_dir_all(descriptor_path(folder).join(name)),
        Some(_) => Ok(unlinkat(folder, name, UnlinkatFlags::NoRemoveDir)?),
    }
}

/// Makes again what a path named.
pub(super) fn restore(base: &OwnedFd, path: &Path, entry: &HeldEntry) -> std::io::Result<()> {
    let (folder, name) = parent(base.as_fd(), path)?;
    if matches!(entry, HeldEntry::Other) {
        return Err(std::io::Error::other(
            "it is not a file of a usual size, or a folder with too many",
        ));
    }
    clear(&folder, name)?;
    match entry {
        HeldEntry::Folder => Ok(mkdirat(&folder, name, Mode::from_bits_truncate(0o755))?),
        HeldEntry::Link(target) => Ok(symlinkat(target.as_path(), &folder, name)?),
        HeldEntry::File {
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
            // Only root may give it away.
            let _refused = fchown(
                &file,
                Some(Uid::from_raw(owner.0)),
                Some(Gid::from_raw(owner.1)),
            );
            file.set_permissions(Permissions::from_mode(*mode))?;
            Ok(renameat(&folder, draft, &folder, name)?)
        }
        HeldEntry::Other => Ok(()),
    }
}
