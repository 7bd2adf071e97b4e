//! Watching what the kernel does not limit by itself: processes, memory and disk of a command.
//!
//! Control groups with limits ([`crate::exec::sandbox::control_groups`]) need rights that a server in a
//! pod does not have, and know no disks, so that the supervisor looks at its descendants several times a
//! second, and at how much room is left on the disks. What grows faster than that is bounded by the
//! kernel: files by their size, the number of processes of a user namespace.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;

use crate::exec::sandbox::control_groups::command::CommandGroups;
use crate::exec::sandbox::kernel::limits::CommandLimits;
use crate::exec::sandbox::wall::Wall;
use crate::exec::supervision::descendants::quick_look;

/// The interval of looks while a command is young, which is when a bomb goes off.
const YOUNG: u16 = 20;
/// The interval afterwards, in milliseconds.
const OLD: u16 = 100;
/// The time for which a command is young.
const YOUTH: Duration = Duration::from_secs(2);
/// The share of a disk that no command may take: one in this many.
const RESERVE: u64 = 50;

/// The most that a command may write to a full disk, in bytes.
const NEXT_TO_NOTHING: u64 = 16 << 20;

/// The beginnings of the names of files in memory.
const IN_MEMORY: &[&str] = &["/memfd:", "/dev/shm/", "/SYSV"];

/// Something of which more was used than the wall allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageLimit {
    /// Processes and threads.
    Processes(u64),
    /// Memory, in bytes.
    Memory(u64),
    /// Room on a disk, in bytes.
    Disk(u64),
    /// Files on a disk.
    Files(u64),
}

impl fmt::Display for UsageLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processes(most) => write!(f, "more than {most} processes"),
            Self::Memory(most) => write!(f, "more than {} MiB of memory", most >> 20),
            Self::Disk(most) => write!(f, "more than {} MiB of disk", most >> 20),
            Self::Files(most) => write!(f, "more than {most} new files"),
        }
    }
}

/// The watch over one command.
#[derive(Debug)]
pub struct Watch {
    limits: CommandLimits,
    began: Instant,
    disks: Vec<Disk>,
    /// The size of files in memory on this machine before the command.
    in_memory: u64,
    groups: Option<CommandGroups>,
}

/// A disk that the command may write to.
#[derive(Debug)]
struct Disk {
    path: PathBuf,
    /// Bytes and files that may be left at least.
    least: Room,
}

#[derive(Clone, Copy, Debug)]
struct Room {
    bytes: u64,
    files: u64,
}

impl Watch {
    /// Begins to watch over a command.
    pub fn new(wall: &Wall) -> Self {
        let written = wall.writable.iter().chain([&wall.temporary]);
        let disks = written.filter_map(|path| Disk::new(path, &wall.limits));
        Self {
            limits: wall.limits,
            began: Instant::now(),
            disks: disks.collect(),
            in_memory: in_memory(),
            groups: wall.groups.clone(),
        }
    }

    /// The time until the next look.
    pub fn pause(&self) -> PollTimeout {
        PollTimeout::from(if self.began.elapsed() < YOUTH {
            YOUNG
        } else {
            OLD
        })
    }

    /// The limit that the kernel held the command to by its control groups.
    pub fn held_to(&self) -> Option<UsageLimit> {
        let groups = self.groups.as_ref()?;
        if groups.ran_out_of_memory() {
            return Some(UsageLimit::Memory(self.limits.memory));
        }
        let ran_out = groups.ran_out_of_processes();
        ran_out.then_some(UsageLimit::Processes(self.limits.processes))
    }

    /// The limit that is exceeded.
    pub fn exceeded(&self) -> Option<UsageLimit> {
        if let Some(exceeded) = self.held_to() {
            return Some(exceeded);
        }
        let limits = &self.limits;
        let processes = quick_look();
        let used = Used::by(&processes);
        if used.threads > limits.processes {
            return Some(UsageLimit::Processes(limits.processes));
        }
        if used.memory > limits.memory || self.unseen_exceeds(&processes, &used) {
            return Some(UsageLimit::Memory(limits.memory));
        }
        let full = self.disks.iter().find_map(|disk| disk.exceeded(limits))?;
        // Others write to the same disk. Those that wrote next to nothing did not fill it.
        let has_part =
            !matches!(full, UsageLimit::Disk(_)) || written(&processes) > NEXT_TO_NOTHING;
        has_part.then_some(full)
    }
}

impl Watch {
    /// True when there is too much memory that is not a single process's. A close look takes time, so
    /// there is one only when it may be too much.
    fn unseen_exceeds(&self, processes: &[Pid], used: &Used) -> bool {
        let most = self.limits.memory;
        // Of what several share, each shows all.
        if used.anonymous + used.shared_by_all > most && used.anonymous + shares(processes) > most {
            return true;
        }
        // No process owns files in memory that it has not mapped.
        let grown = in_memory().saturating_sub(self.in_memory);
        grown > most && used.anonymous + files_in_memory(processes) > most
    }
}

impl Disk {
    fn new(path: &Path, limits: &CommandLimits) -> Option<Self> {
        let found = statvfs(path).ok()?;
        let free = room(path)?;
        let reserve = Room {
            bytes: found.blocks() * found.fragment_size() / RESERVE,
            files: found.files() / RESERVE,
        };
        let least = |free: u64, limit: u64, reserve: u64| {
            // On a disk that is full already a command may still do without more.
            free.saturating_sub(limit).max(reserve.min(free / 2))
        };
        Some(Self {
            path: path.to_owned(),
            least: Room {
                bytes: least(free.bytes, limits.disk, reserve.bytes),
                files: least(free.files, limits.files, reserve.files),
            },
        })
    }

    fn exceeded(&self, limits: &CommandLimits) -> Option<UsageLimit> {
        let left = room(&self.path)?;
        if left.bytes < self.least.bytes {
            return Some(UsageLimit::Disk(limits.disk));
        }
        (left.files < self.least.files).then_some(UsageLimit::Files(limits.files))
    }
}

fn room(path: &Path) -> Option<Room> {
    let found = statvfs(path).ok()?;
    Some(Room {
        bytes: found.blocks_available() * found.fragment_size(),
        files: found.files_available(),
    })
}

/// The usage of some processes together.
#[derive(Default)]
struct Used {
    threads: u64,
    memory: u64,
    /// Memory that belongs to one process.
    anonymous: u64,
    /// The rest as each process shows it, although they may share it.
    shared_by_all: u64,
}

impl Used {
    fn by(processes: &[Pid]) -> Self {
        let mut used = Self::default();
        // Shared memory counts once for all of them, or a database would count it once a process.
        let mut shared = 0;
        for pid in processes {
            let Ok(status) = std::fs::read(format!("/proc/{pid}/status")) else {
                continue;
            };
            // The name of a process may be no text.
            let status = String::from_utf8_lossy(&status);
            used.threads += field(&status, "Threads:");
            used.anonymous += field(&status, "RssAnon:") << 10;
            let own = field(&status, "RssShmem:") << 10;
            used.shared_by_all += own;
            shared = shared.max(own);
        }
        used.memory = used.anonymous + shared;
        used
    }
}

/// Memory that some processes share with others, each with its part of it.
fn shares(processes: &[Pid]) -> u64 {
    let of_one = |pid: &Pid| {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
        field(&maps.unwrap_or_default(), "Pss_Shmem:") << 10
    };
    processes.iter().map(of_one).sum()
}

/// The size of files in memory on this machine.
fn in_memory() -> u64 {
    let shown = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    field(&shown, "Shmem:") << 10
}

/// The size of some processes' open files in memory.
fn files_in_memory(processes: &[Pid]) -> u64 {
    let mut sizes = BTreeMap::new();
    for pid in processes {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd"));
        for open in open.into_iter().flatten().flatten().map(|it| it.path()) {
            let name = std::fs::read_link(&open).unwrap_or_default();
            let name = name.to_string_lossy();
            let is_in_memory = IN_MEMORY.iter().any(|it| name.starts_with(it));
            if let Some(file) = is_in_memory
                .then(|| std::fs::metadata(&open).ok())
                .flatten()
            {
                sizes.insert((file.dev(), file.ino()), file.blocks() * 512);
            }
        }
    }
    sizes.values().sum()
}

/// Bytes written by some processes and their children that have ended. Those whose parents ended before
/// them count for us.
fn written(processes: &[Pid]) -> u64 {
    let of_one = |pid: &Pid| {
        let counts = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        // Of files in memory only the first counts, of files that are mapped only the second.
        field(&counts, "wchar:").max(field(&counts, "write_bytes:"))
    };
    let own = Pid::this();
    processes.iter().chain([&own]).map(of_one).sum()
}

/// A number of `/proc/PID/status` (`proc_pid_status(5)`); sizes are in KiB.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_whose_name_is_no_text_counts_like_any_other() {
        #[expect(clippy::disallowed_methods, reason = "stands for a command of a run")]
        let mut command = Command::new("bash");
        command.args(["-c", "printf '\\xff' > /proc/$$/comm; echo named; read"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut named = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut named).unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let used = Used::by(&[pid]);
        assert!(
            used.threads == 1 && used.anonymous > 0,
            "{}",
            used.anonymous
        );
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
