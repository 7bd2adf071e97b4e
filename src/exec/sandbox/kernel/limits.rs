//! Limits of one command that the kernel keeps by itself.
//!
//! There is no limit of the address space (`RLIMIT_AS`): Node and Java reserve far more than they
//! use. Memory, disk and the number of processes are watched; see [`crate::exec::supervision::watch`].

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

use crate::exec::sandbox::error::WallError;

/// The multiple of the number of processes at which the kernel refuses more where nothing counts those of
/// one command: enough for the watch to see that there are too many.
const BEYOND_THE_WATCH: u64 = 4;

/// The resources that one command may use, with everything that it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLimits {
    /// Processes and threads at once.
    pub processes: u64,
    /// Memory of all its processes, in bytes.
    pub memory: u64,
    /// Growth of the disk that its workspace lies on, in bytes.
    pub disk: u64,
    /// New files on that disk.
    pub files: u64,
    /// The largest file, in bytes.
    pub file_size: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// Processor time of one process, in seconds.
    pub processor_seconds: u64,
}

impl Default for CommandLimits {
    fn default() -> Self {
        Self {
            processes: 1_024,
            memory: 4 << 30,
            disk: 10 << 30,
            files: 1_000_000,
            file_size: 4 << 30,
            open_files: 4_096,
            processor_seconds: 4 * 3_600,
        }
    }
}

impl CommandLimits {
    /// Bounds this process and what it starts.
    ///
    /// The number of processes is bounded only `alone` in a user namespace: elsewhere the kernel
    /// counts those of the whole user, the server's among them.
    pub fn apply(&self, alone: bool) -> Result<(), WallError> {
        let bounds = [
            (Resource::RLIMIT_CORE, 0),
            (Resource::RLIMIT_FSIZE, self.file_size),
            (Resource::RLIMIT_NOFILE, self.open_files),
            (Resource::RLIMIT_CPU, self.processor_seconds),
        ];
        for (resource, bound) in bounds {
            at_most(resource, bound)?;
        }
        if alone {
            at_most(Resource::RLIMIT_NPROC, self.processes * BEYOND_THE_WATCH)?;
        }
        Ok(())
    }
}

fn at_most(resource: Resource, bound: u64) -> Result<(), WallError> {
    let failed = WallError::at("limiting resources");
    let set = getrlimit(resource).and_then(|(now, most)| {
        let most = most.min(bound);
        setrlimit(resource, now.min(most), most)
    });
    set.map_err(failed)
}
