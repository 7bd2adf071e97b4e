//! The processes of this machine, and the files that they hold.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;

use crate::exec::supervision::sweep::MARK;

/// Bytes of a line of `/proc/<pid>/stat` that hold the parent: it comes after a name of 64 bytes at most.
const STAT: usize = 256;

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
    let mut line = [0; STAT];
    let mut file = fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    let read = file.read(&mut line).ok()?;
    parent_in(&line[..read])
}

/// The parent that a line of `/proc/<pid>/stat` names, in part or whole.
fn parent_in(line: &[u8]) -> Option<u32> {
    // The name stands in parentheses, may hold some itself, and is any bytes: the process chooses it.
    let end = line.iter().rposition(|byte| *byte == b')')?;
    let mut rest = str::from_utf8(&line[end + 1..]).ok()?.split_whitespace();
    rest.nth(1)?.parse().ok()
}

/// The users that a process is, or can become again: real, effective, saved, and of its files. None for
/// one that is gone.
fn users(pid: u32) -> Vec<u32> {
    let status = fs::read(format!("/proc/{pid}/status")).unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
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
    fn the_parent_is_read_whatever_the_name() {
        for name in [&b"sh"[..], b"a b) R 1", b"(", b"\xff\xfe) S 7"] {
            let line = [b"12 (", name, b") S 34 12 12 0"].concat();
            assert_eq!(parent_in(&line), Some(34), "{name:?}");
        }
        assert_eq!(parent_in(b"12 (sh"), None);
    }

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
