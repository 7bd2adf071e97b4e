//! The parts of the machine's files that a command sees, opened before its root is built.
//!
//! Each is opened as a tree of mounts of its own (`open_tree(2)`), to be placed later. Who opens them
//! decides what can be placed: root opens them before it becomes the user of commands.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::kernel::files::DEVICES;
use crate::exec::sandbox::kernel::ownership::{Ownership, clone_tree};
use crate::exec::sandbox::wall::Wall;
use crate::platform::descriptors::descriptor_path;

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
    Folder(OwnedFd),
    /// A file.
    File(OwnedFd),
}

/// The sight of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// Seen by the command.
    Shared,
    /// Seen as its user's own.
    Owned,
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
    let written = ownership.map_or(Sight::Shared, |_| Sight::Owned);
    let written = wall.writable.iter().map(|path| (path.as_path(), written));
    // Of several sights of a path the last counts. Parents come first.
    let sights: BTreeMap<_, _> = hidden
        .chain(read.map(|path| (path, Sight::Shared)))
        .chain(written)
        .collect();
    let mut steps = Vec::new();
    let mut around: Vec<(&Path, Sight)> = Vec::new();
    for (path, sight) in sights {
        around.retain(|(outer, _)| path.starts_with(outer));
        let step = match (sight, around.last().map(|(_, sight)| *sight)) {
            // It came with what it lies in.
            (Sight::Shared, Some(Sight::Shared | Sight::Owned))
            | (Sight::Owned, Some(Sight::Owned))
            | (Sight::Hidden, Some(Sight::Hidden) | None) => None,
            (Sight::Shared, Some(Sight::Hidden) | None) | (Sight::Owned, _) => {
                let source = source(path)?;
                if let (Some(ownership), Some(source)) = (ownership, &source) {
                    own(source, sight, ownership)?;
                }
                source.map(|source| RootStep::Show(path.to_owned(), source))
            }
            (Sight::Hidden, Some(Sight::Shared | Sight::Owned)) => {
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

/// Keeps a part that root opened from the machine's own mounts, and gives it to a user if it is to be.
fn own(source: &RootSource, sight: Sight, ownership: &Ownership) -> std::io::Result<()> {
    let (RootSource::Folder(tree) | RootSource::File(tree)) = source else {
        return Ok(());
    };
    // A file system that cannot map owners shows the files as they are.
    if sight == Sight::Owned && ownership.give(tree).is_ok() {
        return Ok(());
    }
    ownership.separate(tree)
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
    let tree = clone_tree(&opened)?;
    Ok(Some(if fs::metadata(&name)?.is_dir() {
        RootSource::Folder(tree)
    } else {
        RootSource::File(tree)
    }))
}
