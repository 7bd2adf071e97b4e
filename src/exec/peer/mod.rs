//! Tells connections from processes that a run started.
//!
//! The kernel names the owner of a [`socket`] by its inode, and a process shows which inodes it holds
//! ([`processes`]). Everything that a run starts is below this process, because its supervisors adopt
//! what is orphaned, and carries the run's mark. [`origin`] puts the two together.

pub mod origin;
mod processes;
mod socket;
