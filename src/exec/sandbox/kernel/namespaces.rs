//! The namespaces of a run and of its commands (`namespaces(7)`).

use std::fs::{self, File};

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::set_dumpable;
use nix::unistd::{getegid, geteuid};

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::wall::CommandNetwork;

/// A command's own namespaces: mounts, processes, and shared memory.
const OWN: CloneFlags = CloneFlags::CLONE_NEWNS
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWIPC);

/// Enters new namespaces of users and networks, with the user's id unchanged. There is no way out of
/// this network but through descriptors that others hand out.
pub fn leave_network() -> Result<(), WallError> {
    enter_new(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
}

/// Enters the namespaces of a command. Those of processes hold for its children only.
pub fn enter(network: CommandNetwork) -> Result<(), WallError> {
    let failed = "entering the namespaces of the run";
    match network {
        CommandNetwork::OfRun(holder) => {
            for (name, kind) in [
                ("user", CloneFlags::CLONE_NEWUSER),
                ("net", CloneFlags::CLONE_NEWNET),
            ] {
                let file = File::open(format!("/proc/{holder}/ns/{name}"));
                let file = file.map_err(WallError::at(failed))?;
                setns(file, kind).map_err(WallError::at(failed))?;
            }
        }
        CommandNetwork::Nothing => leave_network()?,
        CommandNetwork::OfMachine => enter_new(CloneFlags::CLONE_NEWUSER)?,
    }
    unshare(OWN).map_err(WallError::at("making namespaces"))
}

fn enter_new(kinds: CloneFlags) -> Result<(), WallError> {
    let (user, group) = (geteuid(), getegid());
    // Files in /proc of a process that is closed to others belong to root.
    set_dumpable(true).map_err(WallError::at("making namespaces"))?;
    unshare(kinds).map_err(WallError::at("making namespaces"))?;
    let failed = "naming the user in a namespace";
    // Without this a group could be left that a file keeps out.
    fs::write("/proc/self/setgroups", "deny").map_err(WallError::at(failed))?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1")).map_err(WallError::at(failed))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1")).map_err(WallError::at(failed))
}
