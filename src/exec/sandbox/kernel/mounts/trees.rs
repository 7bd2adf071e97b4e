//! Trees of mounts that were cloned and have no place yet (`open_tree(2)`, `mount_setattr(2)`).

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::libc;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};

/// Mounts below it are not seen where it was cloned from, nor the other way round.
const PRIVATE: libc::mount_attr = libc::mount_attr {
    attr_set: 0,
    attr_clr: 0,
    propagation: libc::MS_PRIVATE,
    userns_fd: 0,
};

/// A clone of the mounts at a path, with all below it.
#[derive(Debug)]
pub struct MountTree(OwnedFd);

impl MountTree {
    /// Clones the mount at an open descriptor.
    pub fn clone_of(opened: &impl AsFd) -> std::io::Result<Self> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH
            | OpenTreeFlags::AT_RECURSIVE;
        open_tree(opened, c"", flags).map(Self).map_err(Into::into)
    }

    /// Separates the mounts below it from the one that it was cloned from.
    pub fn separate(&self) -> std::io::Result<()> {
        self.set(PRIVATE)
    }

    /// Separates it, and shows its owners as a namespace of users maps them.
    pub fn map_owners(&self, namespace: &File) -> std::io::Result<()> {
        self.set(libc::mount_attr {
            attr_set: libc::MOUNT_ATTR_IDMAP,
            userns_fd: namespace.as_raw_fd().unsigned_abs().into(),
            ..PRIVATE
        })
    }

    /// Separates it, and makes all of it read-only, without the rights of the owners of its programs.
    pub fn close_for_writing(&self, devices: Devices) -> std::io::Result<()> {
        let no_devices = match devices {
            Devices::Kept => 0,
            Devices::Closed => libc::MOUNT_ATTR_NODEV,
        };
        self.set(libc::mount_attr {
            attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | no_devices,
            ..PRIVATE
        })
    }

    /// Gives it a place.
    pub fn place(&self, path: &Path) -> std::io::Result<()> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        Ok(move_mount(&self.0, c"", rustix::fs::CWD, path, flags)?)
    }

    #[expect(unsafe_code, reason = "no crate of ours has this call")]
    fn set(&self, attributes: libc::mount_attr) -> std::io::Result<()> {
        let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
        // SAFETY: the descriptor is open, the path ends with a NUL, and the size is that of the
        // attributes, which live until the call returns.
        let done = unsafe {
            libc::syscall(
                libc::SYS_mount_setattr,
                self.0.as_raw_fd(),
                c"".as_ptr(),
                flags,
                &raw const attributes,
                size_of::<libc::mount_attr>(),
            )
        };
        Errno::result(done).map(|_| ()).map_err(Into::into)
    }
}

/// The devices in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Devices {
    /// They work.
    Kept,
    /// They cannot be opened.
    Closed,
}
