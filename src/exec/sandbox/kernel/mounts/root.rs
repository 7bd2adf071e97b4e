//! The files that a command sees: a root of its own, with what it may use mounted where it is outside.
//!
//! Whatever the wall does not name is not there at all: sockets of databases, of Docker and of D-Bus,
//! home folders, other workspaces. Landlock bounds the rest, see [`crate::exec::sandbox::kernel::files`].

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};
use rustix::process::pivot_root;

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::kernel::mounts::parts::{RootParts, RootSource, RootStep};
use crate::exec::sandbox::wall::Wall;

/// Where the old root is while the new one is filled.
const OLD: &str = "/.old";

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

/// Builds the root and enters it. The process must be the first of its namespace of processes. The
/// parts of the machine's files are opened here unless they were before.
pub fn enter(wall: &Wall, parts: Option<RootParts>) -> Result<(), WallError> {
    let failed = "mounting the root of a command";
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(WallError::at(failed))?;
    let parts = parts.map_or_else(|| RootParts::open(wall, None), Ok)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("navi", "/tmp", "tmpfs", flags, c"mode=0755,size=1m").map_err(WallError::at(failed))?;
    fs::create_dir("/tmp/.old").map_err(WallError::at(failed))?;
    pivot_root("/tmp", "/tmp/.old").map_err(WallError::at(failed))?;
    nix::unistd::chdir("/").map_err(WallError::at(failed))?;

    fill(wall, parts).map_err(WallError::at(failed))?;
    unmount(OLD, UnmountFlags::DETACH).map_err(WallError::at(failed))?;
    fs::remove_dir(OLD).map_err(WallError::at(failed))?;
    close_for_writing(wall).map_err(WallError::at(failed))?;
    nix::unistd::chdir(&wall.directory)
        .map_err(WallError::at("entering the command's working directory"))
}

fn fill(wall: &Wall, parts: RootParts) -> std::io::Result<()> {
    fs::create_dir("/tmp")?;
    mount_bind_recursive(old(&wall.temporary), "/tmp")?;
    fs::create_dir("/proc")?;
    let plain = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // Of the command's own namespace, where it counts what no process holds in its memory.
    let pages = (wall.limits.memory / PAGE).to_string();
    let _refused = fs::write(old(Path::new("/proc/sys/kernel/shmall")), pages);
    mount("proc", "/proc", "proc", plain | MountFlags::RDONLY, c"")?;
    for step in parts.0 {
        match step {
            RootStep::Show(path, source) => show(&path, source)?,
            RootStep::Hide(path) => hide(&path)?,
        }
    }
    devices(plain)?;
    for path in OF_THE_KERNEL {
        hide(Path::new(path))?;
    }
    protect(wall)
}

/// Mounts read-only the paths that the command may not write. Landlock does not control changes to the
/// mode, the owner or the times of a file, which the owner of the file may make.
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
    fs::create_dir_all("/dev/shm")?;
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

/// Shows a part of the machine's files at its path.
fn show(path: &Path, source: RootSource) -> std::io::Result<()> {
    let (at, tree) = match source {
        RootSource::Link(at, target) => return link(&at, &target),
        RootSource::Folder(tree) => {
            fs::create_dir_all(path)?;
            (path, tree)
        }
        RootSource::File(tree) => {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            if !path.exists() {
                File::create(path)?;
            }
            (path, tree)
        }
    };
    tree.place(at)
}

fn link(path: &Path, target: &Path) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    if fs::symlink_metadata(path).is_err() {
        symlink(target, path)?;
    }
    Ok(())
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

/// Puts nothing over a path.
fn hide(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("navi", path, "tmpfs", flags, c"mode=0555,size=64k")?;
    } else if path.exists() {
        mount_bind_recursive("/dev/null", path)?;
    }
    Ok(())
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
