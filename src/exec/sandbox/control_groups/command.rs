//! The control groups of one command.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::exec::sandbox::control_groups::find::{GroupKind, GroupPlace};
use crate::exec::sandbox::kernel::limits::CommandLimits;

/// The prefix of the names of commands' groups.
const PREFIX: &str = "navi-command-";

/// The time within which the processes of a group end; only what the kernel cannot end outlives it.
const ENDING: Duration = Duration::from_secs(5);

/// The age from which a group without a lock is left behind.
const YOUNG: Duration = Duration::from_mins(1);

/// The groups of a command: one in each place, under one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandGroups {
    name: String,
    places: Vec<GroupPlace>,
}

/// Locks on the groups of a command. Children share them until they become another program, so that
/// they are free when neither a supervisor nor a command's first process is there.
#[derive(Debug)]
pub struct GroupLocks {
    _held: Vec<File>,
}

impl CommandGroups {
    /// The groups of a command with a mark of its own; none where there is no place for them.
    pub fn new(places: &[GroupPlace], mark: &str) -> Option<Self> {
        let groups = Self {
            name: format!("{PREFIX}{mark}"),
            places: places.to_vec(),
        };
        (!places.is_empty()).then_some(groups)
    }

    /// Makes them, with their limits.
    pub fn make(&self, limits: &CommandLimits) -> std::io::Result<GroupLocks> {
        let mut locks = Vec::new();
        for (folder, kind) in self.folders() {
            fs::create_dir(&folder)?;
            let lock = File::open(&folder)?;
            lock.try_lock_shared()?;
            locks.push(lock);
            bound(&folder, kind, limits)?;
        }
        Ok(GroupLocks { _held: locks })
    }

    /// Moves this process into them.
    pub fn join(&self) -> std::io::Result<()> {
        for (folder, _) in self.folders() {
            fs::write(folder.join("cgroup.procs"), "0")?;
        }
        Ok(())
    }

    /// True if the kernel ended a process of theirs for want of memory.
    pub fn ran_out_of_memory(&self) -> bool {
        self.has_event(&["memory.events", "memory.oom_control"], "oom_kill ")
    }

    /// True if the kernel refused them another process.
    pub fn ran_out_of_processes(&self) -> bool {
        self.has_event(&["pids.events"], "max ")
    }

    /// True if one of these files, as far as they are there, counts an event.
    fn has_event(&self, files: &[&str], event: &str) -> bool {
        let count = |line: &str| line.strip_prefix(event)?.trim().parse::<u64>().ok();
        let has = |path: PathBuf| {
            let counts = fs::read_to_string(path).unwrap_or_default();
            counts.lines().filter_map(count).any(|events| events > 0)
        };
        self.folders()
            .any(|(folder, _)| files.iter().any(|file| has(folder.join(file))))
    }

    /// Kills every process in them.
    pub fn kill(&self) {
        for (folder, _) in self.folders() {
            kill_all(&folder);
        }
    }

    /// Kills every process in them, and removes them. Blocks until the processes are gone, for a few
    /// seconds at most.
    pub fn remove(&self) {
        for (folder, _) in self.folders() {
            remove(&folder);
        }
    }

    fn folders(&self) -> impl Iterator<Item = (PathBuf, GroupKind)> + '_ {
        let of_place = |place: &GroupPlace| (place.folder.join(&self.name), place.kind);
        self.places.iter().map(of_place)
    }
}

fn bound(folder: &Path, kind: GroupKind, limits: &CommandLimits) -> std::io::Result<()> {
    let set = |file: &str, value: &str| fs::write(folder.join(file), value);
    if kind.bounds_memory() {
        let file = match kind {
            GroupKind::Unified { .. } => "memory.max",
            GroupKind::Memory | GroupKind::Processes => "memory.limit_in_bytes",
        };
        set(file, &limits.memory.to_string())?;
        // Where there is swap, it counts too; some kernels are built without these.
        let _none = set("memory.swap.max", "0");
        let _none = set("memory.memsw.limit_in_bytes", &limits.memory.to_string());
        let _none = set("memory.oom.group", "1");
    }
    if kind.bounds_processes() {
        set("pids.max", &limits.processes.to_string())?;
    }
    Ok(())
}

fn kill_all(folder: &Path) {
    if fs::write(folder.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let members = members.lines().filter_map(|member| member.parse().ok());
    // Zero would be this process's group: it stands for members outside of a namespace.
    for member in members.filter(|member| *member > 0) {
        let _gone = kill(Pid::from_raw(member), Signal::SIGKILL);
    }
}

fn remove(folder: &Path) {
    let began = Instant::now();
    // Empty as a rule; killed processes take a moment to be gone.
    while let Err(error) = fs::remove_dir(folder) {
        let is_busy = error.raw_os_error() == Some(Errno::EBUSY as i32);
        if !is_busy || began.elapsed() > ENDING {
            return;
        }
        kill_all(folder);
        let _slept = poll(&mut [], PollTimeout::from(5_u8));
    }
}

/// Ends and removes the groups of commands whose server and supervisor were killed. Blocks.
pub fn remove_left_behind(places: &[GroupPlace]) {
    for place in places {
        let entries = fs::read_dir(&place.folder).into_iter().flatten().flatten();
        for entry in entries {
            if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
                continue;
            }
            // One that was just made is not locked yet.
            let changed = entry.metadata().and_then(|found| found.modified());
            let age = changed.ok().and_then(|made| made.elapsed().ok());
            let is_old = age.is_some_and(|age| age > YOUNG);
            let lock = File::open(entry.path());
            if is_old && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
                remove(&entry.path());
            }
        }
    }
}
