//! Landlock rules: the files that a command reaches.
//!
//! Landlock (Linux 5.13, `Documentation/userspace-api/landlock.rst`) refuses a process and all it
//! starts whatever no rule allows; a rule allows what lies beneath a path, and none takes anything
//! away. So what is hidden or protected inside of something allowed needs namespaces
//! ([`crate::exec::sandbox::kernel::mounts::root`]) or is put back after the command.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus,
    Scope,
};

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::wall::{CommandNetwork, Tier, Wall};
use crate::platform::process::descriptors::descriptor_path;

/// The newest Landlock whose rights have been tried here.
const NEWEST: u8 = 7;

/// Devices that are no more than functions.
pub const DEVICES: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// Devices that every process may write where they are its own.
const OWN_DEVICES: &[&str] = &["/dev/shm", "/dev/pts", "/dev/ptmx", "/dev/tty"];

/// Files about the machine, and not about its processes.
const OF_THE_MACHINE: &[&str] = &[
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys",
    "/proc/uptime",
    "/proc/version",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
];

/// Bounds this process and what it starts. Sets `no_new_privs` besides. Answers which Landlock does.
pub fn restrict(wall: &Wall) -> Result<u8, WallError> {
    let newest = wall.landlock_at_most.unwrap_or(NEWEST).min(NEWEST);
    let abi = ABI::from(i32::from(newest));
    let all = AccessFs::from_all(abi);
    let mut rules = PathRules {
        created: ruleset(wall, abi)?,
        all,
    };
    let read = AccessFs::from_read(abi);
    // With namespaces a hidden path has something mounted over it.
    let hidden = match wall.tier {
        Tier::Full => &[],
        Tier::NoNamespaces | Tier::None => wall.hidden.as_slice(),
    };
    for path in &wall.readable {
        rules.allow_but(path, read, hidden)?;
    }
    for path in OF_THE_MACHINE {
        rules.allow(path, read)?;
    }
    if wall.tier == Tier::Full {
        // It belongs to its own namespace, so it shows no other processes.
        rules.allow("/proc", read)?;
        for path in OWN_DEVICES {
            rules.allow(path, all & !AccessFs::Execute)?;
        }
    }
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    for path in DEVICES {
        rules.allow(path, device & all)?;
    }
    for path in wall.writable.iter().chain([&wall.temporary]) {
        rules.allow(path, all)?;
    }
    if wall.tier == Tier::Full {
        rules.allow("/tmp", all)?;
    }
    let status = rules
        .created
        .restrict_self()
        .map_err(WallError::at("restricting files"))?;
    match (status.ruleset, status.landlock) {
        (
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced,
            LandlockStatus::Available { effective_abi, .. },
        ) => Ok(newest.min(u8::try_from(effective_abi as i32).unwrap_or(0))),
        _ => Err(WallError::new(
            "restricting files",
            "this kernel has no Landlock, or it is switched off",
        )),
    }
}

/// Everything that is bounded unless a rule allows it.
fn ruleset(wall: &Wall, abi: ABI) -> Result<RulesetCreated, WallError> {
    let failed = "making Landlock rules";
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .map_err(WallError::at(failed))?;
    let scopes = Scope::from_all(abi);
    if !scopes.is_empty() {
        ruleset = ruleset.scope(scopes).map_err(WallError::at(failed))?;
    }
    // In a namespace of its own the run's programs may talk with each other.
    let bounds_network = wall.tier != Tier::Full && wall.network != CommandNetwork::OfMachine;
    // A server may listen; what would connect asks the kernel for more than Landlock knows, so that
    // datagrams and the like are for the filter of system calls.
    if bounds_network && AccessNet::from_all(abi).contains(AccessNet::ConnectTcp) {
        ruleset = ruleset
            .handle_access(AccessNet::ConnectTcp)
            .map_err(WallError::at(failed))?;
    }
    ruleset.create().map_err(WallError::at(failed))
}

struct PathRules {
    created: RulesetCreated,
    all: BitFlags<AccessFs>,
}

impl PathRules {
    /// Allows what lies beneath a path, if it is there.
    fn allow(
        &mut self,
        path: impl AsRef<Path>,
        access: BitFlags<AccessFs>,
    ) -> Result<(), WallError> {
        let path = path.as_ref();
        let Ok(descriptor) = PathFd::new(path) else {
            return Ok(());
        };
        // A command may have put a link in a path's way that leads to something else. Links of the
        // system lead to what has a rule of its own.
        let real = std::fs::read_link(descriptor_path(&descriptor.as_fd()));
        if !real.is_ok_and(|real| real == path) {
            return Ok(());
        }
        // Rights that make sense for folders only are an error for a file.
        let is_folder = path.is_dir();
        let access = if is_folder {
            access
        } else {
            access & AccessFs::from_file(ABI::from(i32::from(NEWEST)))
        };
        let rule = PathBeneath::new(descriptor, access & self.all);
        let added = (&mut self.created).add_rule(rule);
        added
            .map(|_| ())
            .map_err(WallError::at("adding a Landlock rule"))
    }

    /// Allows everything beneath a path except hidden paths: folders that hold such are entered one by
    /// one.
    fn allow_but(
        &mut self,
        path: &Path,
        access: BitFlags<AccessFs>,
        hidden: &[PathBuf],
    ) -> Result<(), WallError> {
        let is_within = |it: &PathBuf| it != path && it.starts_with(path);
        if !hidden.iter().any(is_within) {
            return self.allow(path, access);
        }
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries.map(|entry| entry.path()) {
            if !hidden.contains(&entry) {
                self.allow_but(&entry, access, hidden)?;
            }
        }
        Ok(())
    }
}
