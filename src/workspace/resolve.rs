//! Opening paths beneath a directory, and nowhere else.

use std::ffi::OsStr;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use nix::sys::statfs::{
    BPF_FS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, FsType, PROC_SUPER_MAGIC,
    SECURITYFS_MAGIC, SYSFS_MAGIC, TRACEFS_MAGIC, fstatfs,
};

/// The number of times that a resolution is repeated when a directory is renamed while it runs.
const RACE_RETRIES: usize = 16;

/// The resolver of a path's components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The kernel: links that stay inside are followed.
    Kernel,
    /// We, one component at a time: no links at all.
    Walk,
}

impl Resolution {
    /// The kernel, unless it or a container's filter refuses.
    pub fn of_this_kernel(directory: &OwnedFd) -> Self {
        match beneath(directory.as_fd(), Path::new("."), OFlag::O_PATH) {
            Ok(_) => Self::Kernel,
            Err(_) => Self::Walk,
        }
    }

    /// Opens `path` beneath `root`. A path that leads out through a link is [`Errno::EXDEV`].
    pub fn open(self, root: BorrowedFd<'_>, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        let opened = match self {
            Self::Kernel => beneath(root, path, flags),
            Self::Walk => walk(root, path, flags),
        }?;
        // One may be mounted beneath, and `/proc` shows what processes keep to themselves.
        if is_of_the_kernel(&opened) {
            return Err(Errno::EXDEV);
        }
        Ok(opened)
    }
}

fn beneath(root: BorrowedFd<'_>, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
    let inside = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let how = OpenHow::new().flags(flags).resolve(inside);
    let mut answer = Err(Errno::EAGAIN);
    for _ in 0..RACE_RETRIES {
        // The kernel gives up with EAGAIN when a rename elsewhere makes the answer uncertain.
        answer = openat2(root, path, how);
        if !matches!(answer, Err(Errno::EAGAIN)) {
            break;
        }
    }
    answer
}

fn walk(root: BorrowedFd<'_>, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
    let step = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut directory = openat(root, Path::new("."), step, Mode::empty())?;
    let parent = path.parent().unwrap_or(Path::new(""));
    for component in parent.components() {
        directory = match openat(&directory, component.as_os_str(), step, Mode::empty()) {
            // With these flags a link is reported as "not a directory".
            Err(Errno::ENOTDIR) if is_link(&directory, component.as_os_str()) => {
                return Err(Errno::EXDEV);
            }
            opened => opened?,
        };
    }
    let name = path.file_name().unwrap_or(OsStr::from_bytes(b"."));
    if is_link(&directory, name) {
        return Err(Errno::EXDEV);
    }
    openat(&directory, name, flags | OFlag::O_NOFOLLOW, Mode::empty())
}

fn is_link(directory: &OwnedFd, name: &OsStr) -> bool {
    fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
        .is_ok_and(|found| EntryKind::of(&found) == EntryKind::Link)
}

/// True when the open descriptor belongs to a file system without files: processes, devices, controls.
pub fn is_of_the_kernel(opened: &OwnedFd) -> bool {
    const VIEWS: &[FsType] = &[
        BPF_FS_MAGIC,
        CGROUP2_SUPER_MAGIC,
        CGROUP_SUPER_MAGIC,
        DEBUGFS_MAGIC,
        PROC_SUPER_MAGIC,
        SECURITYFS_MAGIC,
        SYSFS_MAGIC,
        TRACEFS_MAGIC,
    ];
    fstatfs(opened).is_ok_and(|found| VIEWS.contains(&found.filesystem_type()))
}

/// The kind of a file system entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A pipe with a name.
    Pipe,
    /// A socket.
    Socket,
    /// A device.
    Device,
}

impl EntryKind {
    /// The kind of the entry that `found` describes.
    pub fn of(found: &FileStat) -> Self {
        match SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFREG => Self::File,
            SFlag::S_IFDIR => Self::Directory,
            SFlag::S_IFLNK => Self::Link,
            SFlag::S_IFIFO => Self::Pipe,
            SFlag::S_IFSOCK => Self::Socket,
            _ => Self::Device,
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "a file",
            Self::Directory => "a directory",
            Self::Link => "a symbolic link",
            Self::Pipe => "a pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn neither_way_of_resolving_leads_outside() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/file"), "").unwrap();
        std::fs::write(folder.path().join("secret"), "").unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("../../secret", root.join("a/secret")).unwrap();
        symlink("/proc/self/root", root.join("magic")).unwrap();
        symlink("a/b", root.join("inside")).unwrap();
        let directory = OwnedFd::from(std::fs::File::open(&root).unwrap());
        let open = |way: Resolution, path: &str| {
            let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
            way.open(directory.as_fd(), Path::new(path), flags)
                .map(drop)
        };
        let kernel = Resolution::of_this_kernel(&directory);
        for way in [kernel, Resolution::Walk] {
            for path in [".", "a", "a/b", "a/b/file"] {
                assert_eq!(open(way, path), Ok(()), "{way:?} {path}");
            }
            for path in [
                "up",
                "up/secret",
                "a/secret",
                "magic",
                "magic/etc/passwd",
                "up/root/a",
            ] {
                assert_eq!(open(way, path), Err(Errno::EXDEV), "{way:?} {path}");
            }
            assert_eq!(open(way, "a/missing/x"), Err(Errno::ENOENT), "{way:?}");
            assert_eq!(open(way, "a/b/file/x"), Err(Errno::ENOTDIR), "{way:?}");
        }
        if kernel == Resolution::Kernel {
            assert_eq!(open(kernel, "inside/file"), Ok(()));
        }
        assert_eq!(open(Resolution::Walk, "inside/file"), Err(Errno::EXDEV));
    }
}
