//! The files that a command sees: a root of its own, with what it may use mounted where it is outside.
//!
//! Whatever the wall does not name is not there at all: sockets of databases, of Docker and of D-Bus,
//! home folders, other workspaces. Landlock bounds the rest, see [`crate::exec::sandbox::files`].

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};
use rustix::process::pivot_root;

use crate::exec::sandbox::files::DEVICES;
use crate::exec::sandbox::wall::{Wall, WallError};

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
    mount_remount("/", MountFlags::BIND | MountFlags::RDONLY | flags, c"")
        .map_err(WallError::at(failed))?;
    nix::unistd::chdir(&wall.directory)
        .map_err(WallError::at("entering the command's working directory"))
}

fn fill(wall: &Wall) -> std::io::Result<()> {
    fs::create_dir("/tmp")?;
    mount_bind_recursive(old(&wall.temporary), "/tmp")?;
    fs::create_dir("/proc")?;
    let plain = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", plain, c"")?;
    devices(plain)?;
    // Parents first, so that what lies within another is mounted over it.
    let shared: BTreeSet<&Path> = wall
        .readable
        .iter()
        .chain(&wall.writable)
        .map(PathBuf::as_path)
        .chain(PROCESSORS.iter().map(Path::new))
        .collect();
    let mut last: Option<&Path> = None;
    for path in shared {
        // It came with what it lies in.
        if last.is_some_and(|last| path.starts_with(last)) {
            continue;
        }
        if bind(path)? {
            last = Some(path);
        }
    }
    for path in &wall.writable {
        pin(path)?;
    }
    for path in &wall.protected {
        protect(path, wall)?;
    }
    for path in &wall.hidden {
        hide(path)?;
    }
    Ok(())
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
    let source = old(path);
    let Ok(found) = fs::symlink_metadata(&source) else {
        return Ok(false);
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    if found.is_symlink() {
        symlink(fs::read_link(&source)?, path)?;
        return Ok(true);
    }
    if found.is_dir() {
        fs::create_dir_all(path)?;
    } else if !path.exists() {
        File::create(path)?;
    }
    mount_bind_recursive(&source, path)?;
    Ok(true)
}

/// Makes a path a mount of its own, which cannot be renamed or removed.
fn pin(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        mount_bind_recursive(path, path)?;
    }
    Ok(())
}

/// Makes a path read-only, and keeps the folders around it, up to the writable one that it lies in,
/// where they are: a renamed folder would leave its name to another.
fn protect(path: &Path, wall: &Wall) -> std::io::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let within = wall.writable.iter().filter(|it| path.starts_with(it));
    let Some(within) = within.max_by_key(|it| it.as_os_str().len()) else {
        return Ok(());
    };
    let around: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .take_while(|it| *it != within.as_path())
        .collect();
    for folder in around.into_iter().rev() {
        pin(folder)?;
    }
    mount_bind_recursive(path, path)?;
    mount_remount(
        path,
        MountFlags::BIND | MountFlags::RDONLY | kept(path)?,
        c"",
    )?;
    Ok(())
}

/// Puts nothing over a path.
fn hide(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::RDONLY;
        mount("navi", path, "tmpfs", flags, c"mode=0555,size=4k")?;
    } else if path.exists() {
        mount_bind_recursive("/dev/null", path)?;
    }
    Ok(())
}

/// The flags of a mount, which a namespace of users may not take away.
fn kept(path: &Path) -> std::io::Result<MountFlags> {
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
