//! The processes of this machine, and the files that they hold.

use std::collections::{HashMap, HashSet};
use std::fs;

use crate::exec::supervision::sweep::MARK;

/// All processes, by their parents.
pub(super) struct ProcessTable {
    parents: HashMap<u32, u32>,
}

impl ProcessTable {
    pub(super) fn look() -> Self {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let parents = pids.filter_map(|pid: u32| Some((pid, parent(pid)?)));
        Self {
            parents: parents.collect(),
        }
    }

    /// True if a process of a run holds a socket, alone or with others.
    pub(super) fn run_holds(&self, inode: u64) -> bool {
        // The files last: they take the longest to read.
        let mut of_runs = self.parents.keys().filter(|pid| self.is_of_a_run(**pid));
        of_runs.any(|pid| holds(*pid, inode))
    }

    /// True if a process that shows its files holds a socket.
    pub(super) fn any_holds(&self, inode: u64) -> bool {
        self.parents.keys().any(|pid| holds(*pid, inode))
    }

    /// True if a process of this user below this one does not show which files it holds.
    pub(super) fn hides_one_of(&self, user: u32) -> bool {
        let mut below = self.parents.keys().filter(|pid| self.is_below(**pid));
        below.any(|pid| files(*pid).is_none() && users(*pid).contains(&user))
    }

    fn is_of_a_run(&self, pid: u32) -> bool {
        self.is_below(pid) || is_marked(pid)
    }

    fn is_below(&self, pid: u32) -> bool {
        let own = std::process::id();
        let mut at = pid;
        // A process that ends meanwhile can leave a circle behind.
        let mut seen = HashSet::new();
        while let Some(parent) = self.parents.get(&at).filter(|_| seen.insert(at)) {
            if *parent == own {
                return true;
            }
            at = *parent;
        }
        false
    }
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold some itself.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

/// The users that a process is, or can become again: real, effective, saved, and of its files. None for
/// one that is gone.
fn users(pid: u32) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let ids = line.unwrap_or_default().split_whitespace();
    ids.filter_map(|id| id.parse().ok()).collect()
}

/// The targets of a process's file descriptors; none where they are not shown.
fn files(pid: u32) -> Option<HashSet<String>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let targets = entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    Some(
        targets
            .map(|target| target.to_string_lossy().into_owned())
            .collect(),
    )
}

fn holds(pid: u32, inode: u64) -> bool {
    let wanted = format!("socket:[{inode}]");
    files(pid).is_some_and(|files| files.contains(&wanted))
}

fn is_marked(pid: u32) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let name = format!("{MARK}=");
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable.starts_with(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_holder_of_a_socket_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let inode = nix::sys::stat::fstat(&listener).unwrap().st_ino;
        let processes = ProcessTable::look();
        assert!(holds(std::process::id(), inode));
        assert!(processes.any_holds(inode));
        assert!(!processes.run_holds(inode));
        assert!(!processes.is_below(std::process::id()));
        let user = nix::unistd::getuid().as_raw();
        assert!(users(std::process::id()).contains(&user));
    }
}
