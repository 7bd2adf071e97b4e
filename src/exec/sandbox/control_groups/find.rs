//! The control groups in which this server may make its own (`cgroups(7)`).
//!
//! Version 2 has one tree with all controllers. A group of it hands controllers on only when no process
//! is in it, so that a server to which a tree was delegated moves into a leaf of its own. Version 1 has
//! a tree for each controller. Where nothing can be made, as in most pods, usage is watched instead.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The leaf that a server moves into to hand controllers on.
const OWN_LEAF: &str = "navi-server";

/// The controllers that bound a command.
const CONTROLLERS: &str = "+memory +pids";

/// A group below which the server may make groups for commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPlace {
    /// Its folder.
    pub folder: PathBuf,
    /// The features of groups in it.
    pub kind: GroupKind,
}

/// The features of groups in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupKind {
    /// Version 2: it can be ended as a whole, and bounds what its parent hands on.
    Unified {
        /// Bounds memory.
        memory: bool,
        /// Bounds the number of processes.
        processes: bool,
    },
    /// Version 1, memory.
    Memory,
    /// Version 1, the number of processes.
    Processes,
}

impl GroupKind {
    /// True if a group bounds the memory of its processes.
    pub fn bounds_memory(self) -> bool {
        match self {
            Self::Unified { memory, .. } => memory,
            Self::Memory => true,
            Self::Processes => false,
        }
    }

    /// True if a group bounds the number of its processes.
    pub fn bounds_processes(self) -> bool {
        match self {
            Self::Unified { processes, .. } => processes,
            Self::Memory => false,
            Self::Processes => true,
        }
    }
}

/// Finds the places for groups of commands, by making one in each.
pub fn places() -> Vec<GroupPlace> {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let (groups, mounts) = (read("cgroup"), read("mountinfo"));
    let found = trees(&groups, &mounts);
    found.into_iter().filter_map(usable).collect()
}

/// A tree of groups, with the group of this process.
#[derive(Debug, PartialEq, Eq)]
struct Tree {
    own: PathBuf,
    kind: TreeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TreeKind {
    Unified,
    Memory,
    Processes,
}

/// The trees that matter, from `/proc/self/cgroup` and `/proc/self/mountinfo`.
fn trees(groups: &str, mounts: &str) -> Vec<Tree> {
    let of_line = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let kind = match controllers {
            "" => TreeKind::Unified,
            listed if listed.split(',').any(|it| it == "memory") => TreeKind::Memory,
            listed if listed.split(',').any(|it| it == "pids") => TreeKind::Processes,
            _ => return None,
        };
        let own = mounts.lines().find_map(|mount| folder(mount, kind, path))?;
        Some(Tree { own, kind })
    };
    groups.lines().filter_map(of_line).collect()
}

/// The folder of a group in a mount, as `proc_pid_mountinfo(5)` describes it: the fourth field is the
/// group at its root, the fifth its place; the type and options of the file system follow a dash.
fn folder(mount: &str, kind: TreeKind, path: &str) -> Option<PathBuf> {
    let (place, system) = mount.split_once(" - ")?;
    let mut place = place.split(' ').skip(3);
    let (root, at) = (place.next()?, place.next()?);
    let mut system = system.split(' ');
    let name = system.next()?;
    let has = |option: &str| {
        system
            .clone()
            .skip(1)
            .any(|it| it.split(',').any(|it| it == option))
    };
    let is_it = match kind {
        TreeKind::Unified => name == "cgroup2",
        TreeKind::Memory => name == "cgroup" && has("memory"),
        TreeKind::Processes => name == "cgroup" && has("pids"),
    };
    let below = Path::new(path).strip_prefix(root).ok().filter(|_| is_it)?;
    // A path outside of a namespace of groups is named by a way up.
    let is_inside = !path.contains("..");
    is_inside.then(|| Path::new(at).join(below))
}

/// The place in a tree; none where no group can be made.
fn usable(tree: Tree) -> Option<GroupPlace> {
    let folder = match tree.own.file_name() {
        Some(name) if name == OWN_LEAF => tree.own.parent()?.to_owned(),
        _ => tree.own,
    };
    if tree.kind == TreeKind::Unified {
        hand_on(&folder);
    }
    let trial = folder.join(format!("navi-trial-{}", std::process::id()));
    fs::create_dir(&trial).ok()?;
    let kind = match tree.kind {
        TreeKind::Unified => GroupKind::Unified {
            memory: trial.join("memory.max").exists(),
            processes: trial.join("pids.max").exists(),
        },
        TreeKind::Memory => GroupKind::Memory,
        TreeKind::Processes => GroupKind::Processes,
    };
    let can_end = trial.join("cgroup.kill").exists();
    fs::remove_dir(&trial).ok()?;
    let is_of_use = match kind {
        GroupKind::Unified { memory, processes } => can_end || memory || processes,
        GroupKind::Memory | GroupKind::Processes => true,
    };
    is_of_use.then_some(GroupPlace { folder, kind })
}

/// Makes the controllers available to groups below this one, as far as it has any and no other process
/// than this one is in it. A refused controller is missing in the groups, which is checked there.
fn hand_on(folder: &Path) {
    let own = std::process::id().to_string();
    let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let has_controllers = fs::read_to_string(folder.join("cgroup.controllers")).is_ok_and(|it| {
        it.split_whitespace()
            .any(|it| it == "memory" || it == "pids")
    });
    let is_handed_on = fs::read_to_string(folder.join("cgroup.subtree_control"))
        .is_ok_and(|it| it.split_whitespace().any(|it| it == "memory"));
    if !has_controllers || is_handed_on || !members.lines().all(|member| member == own) {
        return;
    }
    let leaf = folder.join(OWN_LEAF);
    if members.lines().next().is_some() {
        let _there_already = fs::create_dir(&leaf);
        let _refused = fs::write(leaf.join("cgroup.procs"), &own);
    }
    let _refused = fs::write(folder.join("cgroup.subtree_control"), CONTROLLERS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_systemd_finds_the_group_it_was_delegated() {
        let mounts = "29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = trees("0::/system.slice/navi.service\n", mounts);
        let own = PathBuf::from("/sys/fs/cgroup/system.slice/navi.service");
        let kind = TreeKind::Unified;
        assert_eq!(found, [Tree { own, kind }]);
    }

    #[test]
    fn the_first_version_has_a_tree_for_each_controller() {
        let groups =
            "9:name=systemd:/\n8:pids:/\n5:devices:/\n4:memory:/a/b\n1:cpu,cpuacct:/\n0::/\n";
        let mounts = "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                      32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      33 23 0:29 /pod /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
                      34 23 0:30 / /sys/fs/cgroup/pids2 rw - cgroup cgroup rw,pids\n";
        let own = |path: &str, kind| Tree {
            own: path.into(),
            kind,
        };
        let expected = [
            own("/sys/fs/cgroup/pids2", TreeKind::Processes),
            own("/sys/fs/cgroup/memory/a/b", TreeKind::Memory),
        ];
        assert_eq!(trees(groups, mounts), expected);
    }

    #[test]
    fn a_group_outside_of_the_namespace_is_not_ours() {
        let mounts = "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        assert_eq!(trees("0::/../other\n", mounts), []);
    }
}
