//! The files that a command sees: a root of its own, with what it may use mounted where it is outside.
//!
//! Whatever the wall does not name is not there at all: sockets of databases, of Docker and of D-Bus,
//! home folders, other workspaces. Landlock bounds the rest, see [`crate::exec::sandbox::kernel::files`].

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};
use rustix::process::pivot_root;

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::kernel::files::DEVICES;
use crate::exec::sandbox::wall::Wall;
use crate::platform::descriptors::descriptor_path;

/// Where the old root is while the new one is filled.
const OLD: &str = "/.old";

/// Read by programs that ask how many processors there are.
const PROCESSORS: &[&str] = &["/sys/devices/system/cpu", "/sys/devices/system/node"];

/// Names that programs expect in `/dev`.
const LINKS: &[(&str, &str)] = &[
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/ptmx", "pts/ptmx"),
];

/// Parts of its own root that every command may write.
const WRITTEN: &[&str] = &["/tmp", "/dev/shm", "/dev/pts"];

/// Parts of `/proc` about the kernel and the whole machine, keys among them.
const OF_THE_KERNEL: &[&str] = &[
    "/proc/acpi",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/key-users",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
];

/// The smallest page of memory that a kernel counts in, in bytes.
const PAGE: u64 = 4_096;

/// The most that lies in `/dev/shm`.
const SHARED_MEMORY: &str = "mode=1777,size=64m";

/// Builds the root and enters it. The process must be the first of its namespace of processes.
pub fn enter(wall: &Wall) -> Result<(), WallError> {
    let failed = "mounting the root of a command";
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(WallError::at(failed))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("navi", "/tmp", "tmpfs", flags, c"mode=0755,size=1m").map_err(WallError::at(failed))?;
    fs::create_dir("/tmp/.old").map_err(WallError::at(failed))?;
    pivot_root("/tmp", "/tmp/.old").map_err(WallError::at(failed))?;
    nix::unistd::chdir("/").map_err(WallError::at(failed))?;

    fill(wall).map_err(WallError::at(failed))?;
    unmount(OLD, UnmountFlags::DETACH).map_err(WallError::at(failed))?;
    fs::remove_dir(OLD).map_err(WallError::at(failed))?;
    close_for_writing(wall).map_err(WallError::at(failed))?;
    nix::unistd::chdir(&wall.directory)
        .map_err(WallError::at("entering the command's working directory"))
}

fn fill(wall: &Wall) -> std::io::Result<()> {
    fs::create_dir("/tmp")?;
    mount_bind_recursive(old(&wall.temporary), "/tmp")?;
    fs::create_dir("/proc")?;
    let plain = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // Of the command's own namespace, where it counts what no process holds in its memory.
    let pages = (wall.limits.memory / PAGE).to_string();
    let _refused = fs::write(old(Path::new("/proc/sys/kernel/shmall")), pages);
    mount("proc", "/proc", "proc", plain | MountFlags::RDONLY, c"")?;
    devices(plain)?;
    for path in OF_THE_KERNEL {
        hide(Path::new(path))?;
    }
    let hidden = wall
        .hidden
        .iter()
        .map(|path| (path.as_path(), Sight::Hidden));
    let shared = wall.readable.iter().chain(&wall.writable);
    let shared = shared.map(PathBuf::as_path);
    let shared = shared.chain(PROCESSORS.iter().map(Path::new));
    // What is named as both is shared. Parents come first.
    let parts: BTreeMap<_, _> = hidden
        .chain(shared.map(|path| (path, Sight::Shared)))
        .collect();
    let mut around: Vec<(&Path, Sight)> = Vec::new();
    for (path, part) in parts {
        around.retain(|(outer, _)| path.starts_with(outer));
        let is_placed = match (part, around.last().map(|(_, part)| *part)) {
            // It came with what it lies in.
            (Sight::Shared, Some(Sight::Shared)) | (Sight::Hidden, Some(Sight::Hidden) | None) => {
                false
            }
            (Sight::Shared, Some(Sight::Hidden) | None) => bind(path)?,
            (Sight::Hidden, Some(Sight::Shared)) => hide(path)?,
        };
        if is_placed {
            around.push((path, part));
        }
    }
    for path in &wall.writable {
        pin(path)?;
    }
    protect(wall)
}

/// A part of the machine's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// Seen by the command.
    Shared,
    /// Not seen although it lies in something shared.
    Hidden,
}

/// Mounts read-only what the command may not write. Landlock does not know who changes the mode, the
/// owner or the times of a file, which whoever owns it may.
fn close_for_writing(wall: &Wall) -> std::io::Result<()> {
    let nearest = |path: &Path, of: &[PathBuf]| {
        let around = of.iter().filter(|it| path.starts_with(it));
        around.map(|it| it.as_os_str().len()).max()
    };
    let written = |path: &Path| {
        let own = WRITTEN.iter().any(|it| path.starts_with(it));
        let to_write = nearest(path, &wall.writable).or(own.then_some(0));
        to_write.is_some_and(|it| nearest(path, &wall.readable).is_none_or(|read| read <= it))
    };
    for line in fs::read_to_string("/proc/self/mountinfo")?.lines() {
        // `proc_pid_mountinfo(5)`: the fifth field is where it is, the sixth are its flags.
        let mut fields = line.split(' ').skip(4);
        let (Some(path), Some(flags)) = (fields.next(), fields.next()) else {
            continue;
        };
        let path = unescaped(path);
        if written(&path) || flags.split(',').any(|flag| flag == "ro") {
            continue;
        }
        let mut flags =
            MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | unchangeable(&path)?;
        if !path.starts_with("/dev") {
            flags |= MountFlags::NODEV;
        }
        mount_remount(&path, flags, c"")?;
    }
    Ok(())
}

/// A path as the kernel lists it, with spaces and their like as octal numbers.
fn unescaped(listed: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(listed.len());
    let mut rest = listed.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| *first == b'\\');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = after.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn devices(plain: MountFlags) -> std::io::Result<()> {
    fs::create_dir("/dev")?;
    for device in DEVICES {
        bind(Path::new(device))?;
    }
    fs::create_dir("/dev/shm")?;
    mount(
        "navi",
        "/dev/shm",
        "tmpfs",
        plain,
        std::ffi::CString::new(SHARED_MEMORY)?.as_c_str(),
    )?;
    fs::create_dir("/dev/pts")?;
    let own = MountFlags::NOSUID | MountFlags::NOEXEC;
    // Terminals are a convenience; some containers forbid them.
    let _refused = mount(
        "devpts",
        "/dev/pts",
        "devpts",
        own,
        c"newinstance,ptmxmode=0666,mode=620",
    );
    for (name, target) in LINKS {
        symlink(target, name)?;
    }
    Ok(())
}

fn old(path: &Path) -> PathBuf {
    Path::new(OLD).join(path.strip_prefix("/").unwrap_or(path))
}

/// Mounts a path of the old root where it was. Answers whether there was something.
fn bind(path: &Path) -> std::io::Result<bool> {
    let mut way: Vec<&Path> = path.ancestors().collect();
    way.pop();
    for part in way.into_iter().rev() {
        let Ok(found) = fs::symlink_metadata(old(part)) else {
            return Ok(false);
        };
        if found.is_symlink() {
            return link(part);
        }
    }
    // Looked at once more when it is open: a command may put a link in its way in the meantime.
    let source = old(path);
    let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(&source, how, Mode::empty())?;
    let opened = old(&descriptor_path(&opened));
    if fs::read_link(&opened)? != source {
        return Ok(false);
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    if source.is_dir() {
        fs::create_dir_all(path)?;
    } else if !path.exists() {
        File::create(path)?;
    }
    mount_bind_recursive(&opened, path)?;
    Ok(true)
}

/// Makes a link as it is in the old root. It leads to what is in the new one, or nowhere.
fn link(path: &Path) -> std::io::Result<bool> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    if fs::symlink_metadata(path).is_err() {
        symlink(fs::read_link(old(path))?, path)?;
    }
    Ok(true)
}

/// Makes a path a mount of its own, which cannot be renamed or removed.
fn pin(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        mount_bind_recursive(path, path)?;
    }
    Ok(())
}

/// Makes the protected paths read-only, and keeps the folders around them, up to the writable ones that
/// they lie in, where they are: a renamed folder would leave its name to another.
fn protect(wall: &Wall) -> std::io::Result<()> {
    let (mut around, mut protected) = (BTreeSet::new(), BTreeSet::new());
    for path in wall.protected.iter().filter(|path| path.exists()) {
        let within = wall.writable.iter().filter(|it| path.starts_with(it));
        let Some(within) = within.max_by_key(|it| it.as_os_str().len()) else {
            continue;
        };
        let folders = path.ancestors().skip(1);
        around.extend(folders.take_while(|it| *it != within.as_path()));
        protected.insert(path.as_path());
    }
    // Each once, the outer ones first: a mount takes those within along.
    for folder in around.difference(&protected) {
        pin(folder)?;
    }
    for path in protected {
        mount_bind_recursive(path, path)?;
        let flags = MountFlags::BIND | MountFlags::RDONLY | unchangeable(path)?;
        mount_remount(path, flags, c"")?;
    }
    Ok(())
}

/// Puts nothing over a path. Answers whether there was something.
fn hide(path: &Path) -> std::io::Result<bool> {
    if path.is_dir() {
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("navi", path, "tmpfs", flags, c"mode=0555,size=64k")?;
    } else if path.exists() {
        mount_bind_recursive("/dev/null", path)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// The flags of a mount, which a namespace of users may not take away.
fn unchangeable(path: &Path) -> std::io::Result<MountFlags> {
    let found = statvfs(path)?.flags();
    let pairs = [
        (FsFlags::ST_NOSUID, MountFlags::NOSUID),
        (FsFlags::ST_NODEV, MountFlags::NODEV),
        (FsFlags::ST_NOEXEC, MountFlags::NOEXEC),
        (FsFlags::ST_NOATIME, MountFlags::NOATIME),
        (FsFlags::ST_NODIRATIME, MountFlags::NODIRATIME),
        (FsFlags::ST_RELATIME, MountFlags::RELATIME),
    ];
    let kept = pairs.iter().filter(|(flag, _)| found.contains(*flag));
    Ok(kept.fold(MountFlags::empty(), |all, (_, flag)| all | *flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_paths_are_read_back() {
        assert_eq!(unescaped(r"/a\040b\134c"), Path::new(r"/a b\c"));
        assert_eq!(unescaped(r"/a\9z"), Path::new(r"/a\9z"));
        assert_eq!(unescaped("/ä"), Path::new("/ä"));
    }
}
