//! Watching what the kernel does not limit by itself: processes, memory and disk of a command.
//!
//! A group of processes with limits (cgroup) needs rights that a server in a pod does not have, so
//! that the supervisor looks at its descendants several times a second, and at how much room is left
//! on the disks. What grows faster than that is bounded by the kernel: files by their size, the number
//! of processes of a user namespace.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;

use crate::exec::descendants::quick_look;
use crate::exec::sandbox::limits::Limits;
use crate::exec::sandbox::wall::Wall;

/// How often is looked while a command is young, which is when a bomb goes off.
const YOUNG: u16 = 20;
/// How often afterwards, in milliseconds.
const OLD: u16 = 100;
/// How long a command is young.
const YOUTH: Duration = Duration::from_secs(2);
/// The share of a disk that no command may take: one in this many.
const RESERVE: u64 = 50;

/// What a command may write to a disk that is full, in bytes.
const NEXT_TO_NOTHING: u64 = 16 << 20;

/// Something of which more was used than the wall allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Processes and threads.
    Processes(u64),
    /// Memory, in bytes.
    Memory(u64),
    /// Room on a disk, in bytes.
    Disk(u64),
    /// Files on a disk.
    Files(u64),
}

impl fmt::Display for Usage {
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
    limits: Limits,
    began: Instant,
    disks: Vec<Disk>,
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
        }
    }

    /// How long may pass until the next look.
    pub fn pause(&self) -> PollTimeout {
        PollTimeout::from(if self.began.elapsed() < YOUTH {
            YOUNG
        } else {
            OLD
        })
    }

    /// What is used more of than is allowed.
    pub fn exceeded(&self) -> Option<Usage> {
        let limits = &self.limits;
        let processes = quick_look();
        let used = Used::by(&processes);
        if used.threads > limits.processes {
            return Some(Usage::Processes(limits.processes));
        }
        if used.memory > limits.memory {
            return Some(Usage::Memory(limits.memory));
        }
        let full = self.disks.iter().find_map(|disk| disk.exceeded(limits))?;
        // Others write to the same disk. Those that wrote next to nothing did not fill it.
        let has_part = !matches!(full, Usage::Disk(_)) || written(&processes) > NEXT_TO_NOTHING;
        has_part.then_some(full)
    }
}

impl Disk {
    fn new(path: &Path, limits: &Limits) -> Option<Self> {
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

    fn exceeded(&self, limits: &Limits) -> Option<Usage> {
        let left = room(&self.path)?;
        if left.bytes < self.least.bytes {
            return Some(Usage::Disk(limits.disk));
        }
        (left.files < self.least.files).then_some(Usage::Files(limits.files))
    }
}

fn room(path: &Path) -> Option<Room> {
    let found = statvfs(path).ok()?;
    Some(Room {
        bytes: found.blocks_available() * found.fragment_size(),
        files: found.files_available(),
    })
}

/// How much some processes use together.
struct Used {
    threads: u64,
    memory: u64,
}

impl Used {
    fn by(processes: &[Pid]) -> Self {
        let mut used = Self {
            threads: 0,
            memory: 0,
        };
        // Shared memory counts once for all of them, or a database would count it once a process.
        let mut shared = 0;
        for pid in processes {
            let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else {
                continue;
            };
            used.threads += field(&status, "Threads:");
            used.memory += field(&status, "RssAnon:") << 10;
            shared = shared.max(field(&status, "RssShmem:") << 10);
        }
        used.memory += shared;
        used
    }
}

/// What some processes, and their children that have ended, wrote, in bytes.
fn written(processes: &[Pid]) -> u64 {
    let of_one = |pid: &Pid| {
        let counts = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        // Of files in memory only the first counts, of files that are mapped only the second.
        field(&counts, "wchar:").max(field(&counts, "write_bytes:"))
    };
    processes.iter().map(of_one).sum()
}

/// A number of `/proc/PID/status` (`proc_pid_status(5)`); sizes are in KiB.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
