//! The files of root as another user's: mounts with a mapping of ids.
//!
//! A server that runs as root works in folders of root's, in which the user of commands could write
//! nothing. An idmapped mount (`mount_setattr(2)`, Linux 5.12) shows root's files as that user's, and the
//! user's new files there are root's on the disk. The mapping is that of a namespace of users which is
//! made for this and has no process.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, pause};

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::kernel::fork::fork;
use crate::exec::sandbox::kernel::mounts::trees::MountTree;
use crate::exec::sandbox::kernel::privileges;
use crate::exec::sandbox::wall::CommandUser;

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

    /// Shows the files of root in a tree as the user's.
    pub fn give(&self, tree: &MountTree) -> std::io::Result<()> {
        tree.map_owners(&self.0)
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
    let tree = MountTree::clone_of(&File::open(folder).map_err(WallError::at(failed))?);
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
