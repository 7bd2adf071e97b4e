//! The parts of the machine's files that a command sees, opened before its root is built.
//!
//! Each is opened as a tree of mounts of its own (`open_tree(2)`), to be placed later. Who opens them
//! decides what can be placed: root opens them before it becomes the user of commands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::kernel::files::DEVICES;
use crate::exec::sandbox::kernel::mounts::ownership::Ownership;
use crate::exec::sandbox::kernel::mounts::trees::{Devices, MountTree};
use crate::exec::sandbox::wall::Wall;
use crate::platform::process::descriptors::descriptor_path;

/// Read by programs that ask how many processors there are.
const PROCESSORS: &[&str] = &["/sys/devices/system/cpu", "/sys/devices/system/node"];

/// The steps that fill the root of a command, parents first.
#[derive(Debug)]
pub struct RootParts(pub Vec<RootStep>);

/// A step that fills a root.
#[derive(Debug)]
pub enum RootStep {
    /// Shows a part of the machine's files at its path.
    Show(PathBuf, RootSource),
    /// Puts nothing over a path.
    Hide(PathBuf),
}

/// Something that a command sees.
#[derive(Debug)]
pub enum RootSource {
    /// A link on the way to it, and its target. It leads to what is in the new root, or nowhere.
    Link(PathBuf, PathBuf),
    /// A folder with all in it.
    Folder(MountTree),
    /// A file.
    File(MountTree),
}

/// The sight of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// Seen, and read only.
    Read,
    /// Seen, and written.
    Written,
    /// Not seen although it lies in something shared.
    Hidden,
}

impl RootParts {
    /// Opens them within the root that this process sees now. With an ownership, files of root that
    /// may be written become a user's own.
    pub fn open(wall: &Wall, ownership: Option<&Ownership>) -> Result<Self, WallError> {
        let opened = steps(wall, ownership);
        opened
            .map(Self)
            .map_err(WallError::at("opening the files of a command"))
    }
}

fn steps(wall: &Wall, ownership: Option<&Ownership>) -> std::io::Result<Vec<RootStep>> {
    let hidden = wall
        .hidden
        .iter()
        .map(|path| (path.as_path(), Sight::Hidden));
    let read = wall.readable.iter().map(PathBuf::as_path);
    let read = read.chain(PROCESSORS.iter().chain(DEVICES).map(Path::new));
    let written = wall.writable.iter();
    let written = written.map(|path| (path.as_path(), Sight::Written));
    // Of several sights of a path the last counts. Parents come first.
    let sights: BTreeMap<_, _> = hidden
        .chain(read.map(|path| (path, Sight::Read)))
        .chain(written)
        .collect();
    let mut steps = Vec::new();
    let mut around: Vec<(&Path, Sight)> = Vec::new();
    for (path, sight) in sights {
        around.retain(|(outer, _)| path.starts_with(outer));
        let step = match (sight, around.last().map(|(_, sight)| *sight)) {
            // It came with what it lies in.
            (Sight::Read, Some(Sight::Read | Sight::Written))
            | (Sight::Hidden, Some(Sight::Hidden) | None) => None,
            // A writable path is always a mount of its own, which cannot be renamed or removed.
            (Sight::Read, Some(Sight::Hidden) | None) | (Sight::Written, _) => {
                let source = source(path)?;
                if let Some(RootSource::Folder(tree) | RootSource::File(tree)) = &source {
                    close(tree, path, sight, ownership)?;
                }
                source.map(|source| RootStep::Show(path.to_owned(), source))
            }
            (Sight::Hidden, Some(Sight::Read | Sight::Written)) => {
                path.exists().then(|| RootStep::Hide(path.to_owned()))
            }
        };
        if let Some(step) = step {
            around.push((path, sight));
            steps.push(step);
        }
    }
    Ok(steps)
}

/// Keeps a part from the machine's own mounts. What is read only is closed for writing, and what root's
/// command writes is given to its user.
fn close(
    tree: &MountTree,
    path: &Path,
    sight: Sight,
    ownership: Option<&Ownership>,
) -> std::io::Result<()> {
    if sight == Sight::Read {
        let devices = if path.starts_with("/dev") {
            Devices::Kept
        } else {
            Devices::Closed
        };
        return tree.close_for_writing(devices);
    }
    match ownership {
        // A file system that cannot map owners shows the files as they are.
        Some(ownership) => ownership.give(tree).or_else(|_| tree.separate()),
        None => tree.separate(),
    }
}

/// Opens a part of the machine's files; none where there is nothing.
fn source(path: &Path) -> std::io::Result<Option<RootSource>> {
    let mut way: Vec<&Path> = path.ancestors().collect();
    way.pop();
    for part in way.into_iter().rev() {
        let Ok(found) = fs::symlink_metadata(part) else {
            return Ok(None);
        };
        if found.is_symlink() {
            return Ok(Some(RootSource::Link(
                part.to_owned(),
                fs::read_link(part)?,
            )));
        }
    }
    // Looked at once more when it is open: a command may put a link in its way in the meantime.
    let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match rustix::fs::open(path, how, Mode::empty()) {
        Ok(opened) => opened,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let name = descriptor_path(&opened);
    if fs::read_link(&name)? != path {
        return Ok(None);
    }
    let tree = MountTree::clone_of(&opened)?;
    Ok(Some(if fs::metadata(&name)?.is_dir() {
        RootSource::Folder(tree)
    } else {
        RootSource::File(tree)
    }))
}
