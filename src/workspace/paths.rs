//! Paths that stay inside the workspace.
//!
//! Every path a model names is first taken apart as text ([`Workspace::relative`]) and then resolved
//! by the kernel beneath the workspace's open directory (`openat2` with `RESOLVE_BENEATH`), so that
//! neither `..`, nor an absolute path, nor a symbolic link swapped in between can lead outside.
//! Where the kernel or a container refuses `openat2`, each component is opened in turn and symbolic
//! links are not followed at all.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat, mkdirat};

use crate::platform::process::descriptors::descriptor_path;
use crate::workspace::error::{PathError, WorkspaceError};
use crate::workspace::resolve::{EntryKind, Resolution, is_of_the_kernel};

/// The longest path that is accepted, in bytes: the kernel's own limit.
const MAX_PATH_BYTES: usize = 4096;

/// Folders of the operating system. A folder below them may be a project.
const SYSTEM_FOLDERS: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/dev/shm",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/run",
    "/sbin",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/lib",
];
/// The folder of homes.
const HOMES: &str = "/home";
/// The one home that is not in it.
const HOME_OF_ROOT: &str = "/root";
/// Nothing below is a project either,
const DEVICES: &str = "/dev";
/// but for memory that anybody may keep files in.
const SHARED_MEMORY: &str = "/dev/shm";

/// The number of symbolic links that the last component of a path to write may lead through.
const MAX_LINKS: usize = 8;

/// A directory that an agent works in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Workspace {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    given: PathBuf,
    directory: OwnedFd,
    resolution: Resolution,
}

/// A path below the workspace's root: normalised, never absolute, without `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelativePath(PathBuf);

impl RelativePath {
    /// The path; empty for the workspace itself.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The path for the kernel, which has no empty paths.
    fn for_kernel(&self) -> &Path {
        if self.0.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &self.0
        }
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.for_kernel().display().fmt(f)
    }
}

/// Where a file is to be written: an open directory and a name in it that is no symbolic link.
#[derive(Debug)]
pub struct Place {
    /// The directory.
    pub directory: OwnedFd,
    /// The file's name within it.
    pub name: std::ffi::OsString,
    /// The file's path as it is reported, with links resolved.
    pub path: RelativePath,
    /// The present entry, if there is one.
    pub existing: Option<FileStat>,
}

impl Workspace {
    /// Opens a directory as a workspace.
    pub fn open(path: &str) -> Result<Self, WorkspaceError> {
        Self::open_with(path, None)
    }

    fn open_with(path: &str, resolution: Option<Resolution>) -> Result<Self, WorkspaceError> {
        let given = Path::new(path);
        if path.contains('\0') || path.len() > MAX_PATH_BYTES || !given.is_absolute() {
            return Err(WorkspaceError::Invalid);
        }
        let unreadable = |error: std::io::Error| {
            let path = path.to_owned();
            if error.kind() == std::io::ErrorKind::NotFound {
                WorkspaceError::Missing(path)
            } else if error.kind() == std::io::ErrorKind::NotADirectory {
                WorkspaceError::NotADirectory(path)
            } else {
                let reason = error.to_string();
                WorkspaceError::Unreadable { path, reason }
            }
        };
        let root = given.canonicalize().map_err(unreadable)?;
        if root.parent().is_none() {
            return Err(WorkspaceError::TooBroad);
        }
        if is_home(&root) {
            return Err(WorkspaceError::Home(path.to_owned()));
        }
        if is_of_the_system(&root) {
            return Err(WorkspaceError::OfTheSystem(path.to_owned()));
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = nix::fcntl::open(&root, flags, Mode::empty())
            .map_err(|errno| unreadable(errno.into()))?;
        if is_of_the_kernel(&directory) {
            return Err(WorkspaceError::System(path.to_owned()));
        }
        // A link that was put in the way since then would have been followed.
        let real = std::fs::read_link(descriptor_path(&directory));
        if real.is_ok_and(|real| real != root) {
            return Err(WorkspaceError::Missing(path.to_owned()));
        }
        // A directory that can be opened but not searched cannot be worked in.
        nix::unistd::access(&root.join("."), nix::unistd::AccessFlags::X_OK)
            .map_err(|errno| unreadable(errno.into()))?;
        let resolution = resolution.unwrap_or_else(|| Resolution::of_this_kernel(&directory));
        Ok(Self {
            inner: Arc::new(Inner {
                root,
                given: given.to_owned(),
                directory,
                resolution,
            }),
        })
    }

    /// The workspace's canonical path.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// Takes a path apart as text: relative to the workspace, `.` and `..` resolved. An absolute
    /// path is accepted when it is below the workspace.
    pub fn relative(&self, path: &str) -> Result<RelativePath, PathError> {
        if path.contains('\0') {
            return Err(PathError::Malformed("contains a NUL character"));
        }
        if path.is_empty() {
            return Err(PathError::Malformed(
                "is empty; the workspace itself is `.`",
            ));
        }
        if path.len() > MAX_PATH_BYTES {
            return Err(PathError::Malformed("is longer than 4096 bytes"));
        }
        let outside = || PathError::Outside(path.to_owned());
        let mut rest = Path::new(path);
        if rest.is_absolute() {
            rest = rest
                .strip_prefix(&self.inner.root)
                .or_else(|_| rest.strip_prefix(&self.inner.given))
                .map_err(|_| outside())?;
        }
        let mut normal = PathBuf::new();
        for component in rest.components() {
            match component {
                Component::Normal(name) if name.len() > 255 => {
                    return Err(PathError::Malformed("has a name longer than 255 bytes"));
                }
                Component::Normal(name) => normal.push(name),
                Component::CurDir => {}
                Component::ParentDir if normal.pop() => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err(outside());
                }
            }
        }
        Ok(RelativePath(normal))
    }

    /// Opens an existing regular file for reading. Devices, pipes and sockets are refused, and
    /// opening never blocks.
    pub fn open_file(&self, path: &str) -> Result<(File, RelativePath), PathError> {
        let relative = self.relative(path)?;
        let file = self.open_relative(&relative)?;
        Ok((file, relative))
    }

    /// [`Self::open_file`] for a path that is known to be relative, of any encoding.
    pub fn open_relative(&self, relative: &RelativePath) -> Result<File, PathError> {
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let descriptor = self.resolve(relative, flags)?;
        let found = stat_of(&descriptor, relative)?;
        let found = EntryKind::of(&found);
        if found == EntryKind::File {
            return Ok(File::from(descriptor));
        }
        let path = relative.to_string();
        Err(PathError::NotAFile { path, found })
    }

    /// The relative form of a path that a walk below the root has found.
    pub fn below_root(&self, path: &Path) -> Option<RelativePath> {
        let relative = path.strip_prefix(&self.inner.root).ok()?;
        let plain = |component: Component<'_>| matches!(component, Component::Normal(_));
        relative
            .components()
            .all(plain)
            .then(|| RelativePath(relative.to_owned()))
    }

    /// Where an open descriptor is now, with all links resolved; none when it is outside.
    pub fn real_path(&self, descriptor: &impl AsRawFd) -> Option<RelativePath> {
        let path = std::fs::read_link(descriptor_path(descriptor)).ok()?;
        self.below_root(&path)
    }

    /// Opens an existing directory.
    pub fn open_directory(&self, path: &str) -> Result<(OwnedFd, RelativePath), PathError> {
        let relative = self.relative(path)?;
        let descriptor = self.resolve(&relative, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        Ok((descriptor, relative))
    }

    /// Finds where a file of this path is to be written, creating missing directories when asked.
    /// A symbolic link in the last place is followed, as long as it stays inside.
    pub fn place(&self, path: &str, create_parents: bool) -> Result<Place, PathError> {
        let mut relative = self.relative(path)?;
        for _ in 0..MAX_LINKS {
            let (Some(parent), Some(name)) = (relative.0.parent(), relative.0.file_name()) else {
                return Err(PathError::NotAFile {
                    path: path.to_owned(),
                    found: EntryKind::Directory,
                });
            };
            let parent = RelativePath(parent.to_owned());
            let directory = self.parent(&parent, create_parents)?;
            let existing = match fstatat(&directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
                Ok(found) => Some(found),
                Err(Errno::ENOENT) => None,
                Err(errno) => return Err(refused(&relative, errno)),
            };
            match existing.as_ref().map(EntryKind::of) {
                None | Some(EntryKind::File) => {
                    let real = self
                        .real_path(&directory)
                        .map(|real| RelativePath(real.0.join(name)));
                    return Ok(Place {
                        name: name.to_owned(),
                        directory,
                        path: real.unwrap_or_else(|| relative.clone()),
                        existing,
                    });
                }
                Some(EntryKind::Link) => relative = self.target(&relative)?,
                Some(found) => {
                    return Err(PathError::NotAFile {
                        path: relative.to_string(),
                        found,
                    });
                }
            }
        }
        Err(refused(&relative, Errno::ELOOP))
    }

    /// Where a link inside the workspace leads, after all links.
    fn target(&self, link: &RelativePath) -> Result<RelativePath, PathError> {
        let descriptor = self.resolve(link, OFlag::O_PATH)?;
        self.real_path(&descriptor)
            .ok_or_else(|| PathError::LeadsOut(link.to_string()))
    }

    /// Opens a directory, creating missing parts of it when asked.
    fn parent(&self, parent: &RelativePath, create: bool) -> Result<OwnedFd, PathError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        match self.resolve(parent, flags) {
            Err(PathError::Missing(_)) if create => {}
            resolved => return resolved,
        }
        let mut made = RelativePath(PathBuf::new());
        let mut directory = self.resolve(&made, flags)?;
        for component in parent.0.components() {
            made.0.push(component);
            let name: &OsStr = component.as_os_str();
            match mkdirat(&directory, name, Mode::from_bits_truncate(0o777)) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(refused(&made, errno)),
            }
            directory = self.resolve(&made, flags)?;
        }
        Ok(directory)
    }

    fn resolve(&self, path: &RelativePath, flags: OFlag) -> Result<OwnedFd, PathError> {
        let flags = flags | OFlag::O_CLOEXEC;
        let root = self.inner.directory.as_fd();
        let resolved = self.inner.resolution.open(root, path.for_kernel(), flags);
        resolved.map_err(|errno| {
            let name = path.to_string();
            if errno == Errno::EXDEV {
                PathError::LeadsOut(name)
            } else if errno == Errno::ENOENT {
                PathError::Missing(name)
            } else if errno == Errno::ENOTDIR {
                PathError::NotADirectory(name)
            } else if errno == Errno::ENXIO {
                // Opening a socket, or a device that is not there.
                let (path, found) = (name, EntryKind::Socket);
                PathError::NotAFile { path, found }
            } else {
                refused(path, errno)
            }
        })
    }
}

/// True if a real path is a folder of the operating system.
/// True of the folder of homes, those in it, and root's. What is below one may be a project.
fn is_home(root: &Path) -> bool {
    let homes = Path::new(HOMES);
    root == homes || root.parent() == Some(homes) || root == Path::new(HOME_OF_ROOT)
}

fn is_of_the_system(root: &Path) -> bool {
    let is_device = root.starts_with(DEVICES) && !root.starts_with(SHARED_MEMORY);
    is_device
        || SYSTEM_FOLDERS
            .iter()
            .any(|folder| root == Path::new(folder))
}

fn stat_of(descriptor: &OwnedFd, path: &RelativePath) -> Result<FileStat, PathError> {
    fstat(descriptor).map_err(|errno| refused(path, errno))
}

fn refused(path: &RelativePath, errno: Errno) -> PathError {
    PathError::Refused {
        path: path.to_string(),
        reason: errno.desc().to_owned(),
    }
}
