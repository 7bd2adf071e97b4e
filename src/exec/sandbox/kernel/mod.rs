//! Restrictions that a process asks the kernel for: namespaces and a root of its own, limits,
//! Landlock, no privileges, and a filter of system calls.

mod conditions;
pub mod files;
pub mod fork;
pub mod limits;
pub mod mounts;
pub mod namespaces;
pub mod privileges;
pub mod sockets;
pub mod syscalls;
