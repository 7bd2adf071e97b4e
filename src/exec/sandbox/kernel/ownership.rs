//! The files of root as another user's: mounts with a mapping of ids.
//!
//! A server that runs as root works in folders of root's, in which the user of commands could write
//! nothing. An idmapped mount (`mount_setattr(2)`, Linux 5.12) shows root's files as that user's, and
//! what the user makes there is root's on the disk. The mapping is that of a namespace of users which
//! is made for this and has no process.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, pause};
use rustix::mount::{OpenTreeFlags, open_tree};

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::kernel::fork::fork;
use crate::exec::sandbox::kernel::privileges;
use crate::exec::sandbox::wall::CommandUser;

/// Mounts below it are not seen where it was cloned from, nor the other way round.
const PRIVATE: libc::mount_attr = libc::mount_attr {
    attr_set: 0,
    attr_clr: 0,
    propagation: libc::MS_PRIVATE,
    userns_fd: 0,
};

/// A mapping from root to [`CommandUser::WITHOUT_RIGHTS`].
#[derive(Debug)]
pub struct Ownership(File);

impl Ownership {
    /// Makes the mapping. Only root can, in a process with one thread.
    pub fn make() -> Result<Self, WallError> {
        let failed = "mapping the files of root";
        let (mut ours, theirs) = UnixStream::pair().map_err(WallError::at(failed))?;
        match fork()? {
            ForkResult::Child => hold_namespace(theirs),
            ForkResult::Parent { child } => {
                drop(theirs);
                let ready = ours.read_exact(&mut [0]);
                let mapped = ready.and_then(|()| mapping(child));
                let _gone = kill(child, Signal::SIGKILL);
                let _gone = waitpid(child, None);
                mapped.map(Self).map_err(WallError::at(failed))
            }
        }
    }

    /// Keeps what is mounted below a tree from the one that it was cloned from.
    pub fn separate(&self, tree: &OwnedFd) -> std::io::Result<()> {
        set_attributes(tree, PRIVATE)
    }

    /// Shows the files of root in a tree as the user's.
    pub fn give(&self, tree: &OwnedFd) -> std::io::Result<()> {
        let attributes = libc::mount_attr {
            attr_set: libc::MOUNT_ATTR_IDMAP,
            userns_fd: self.0.as_raw_fd().unsigned_abs().into(),
            ..PRIVATE
        };
        set_attributes(tree, attributes)
    }
}

/// The first argument of a process that tries it out; a folder follows.
pub const ARGUMENT: &str = "__try-ownership";

/// Tries out whether a folder can be shown as that user's own, when this program was started for that. Must
/// be called before anything else in `main`, while there is one thread.
pub fn main_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let tried = arguments.next().map(|folder| try_out(Path::new(&folder)));
    Some(match tried {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(_)) | None => ExitCode::FAILURE,
    })
}

fn try_out(folder: &Path) -> Result<(), WallError> {
    let failed = "mapping the files of root";
    let ownership = Ownership::make()?;
    let tree = clone_tree(&File::open(folder).map_err(WallError::at(failed))?);
    let given = tree.and_then(|tree| ownership.give(&tree));
    given.map_err(WallError::at(failed))?;
    privileges::become_user(CommandUser::WITHOUT_RIGHTS)
}

/// Enters a new namespace of users and stays in it until it is killed.
fn hold_namespace(mut line: UnixStream) -> ! {
    let entered = set_pdeathsig(Signal::SIGKILL)
        .and_then(|()| unshare(CloneFlags::CLONE_NEWUSER))
        .map_err(std::io::Error::from);
    // The end of the line tells of a failure.
    let _told = entered.and_then(|()| line.write_all(b"."));
    drop(line);
    loop {
        pause();
    }
}

fn mapping(child: Pid) -> std::io::Result<File> {
    let CommandUser { uid, gid } = CommandUser::WITHOUT_RIGHTS;
    fs::write(format!("/proc/{child}/uid_map"), format!("0 {uid} 1"))?;
    fs::write(format!("/proc/{child}/gid_map"), format!("0 {gid} 1"))?;
    File::open(format!("/proc/{child}/ns/user"))
}

#[expect(unsafe_code, reason = "no crate of ours has this call")]
fn set_attributes(tree: &OwnedFd, attributes: libc::mount_attr) -> std::io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    // SAFETY: the descriptor is open, the path ends with a NUL, and the size is that of the
    // attributes, which live until the call returns.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(done).map(|_| ()).map_err(Into::into)
}

/// Clones the mounts at something open, with all below it.
pub(super) fn clone_tree(opened: &impl AsFd) -> std::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    Ok(open_tree(opened, c"", flags)?)
}
