//! The sandbox: the wall around every process that a run starts.
//!
//! [`wall`] says what a command may do and how strong the wall is ([`wall::Tier`]); [`contained`]
//! starts a command within it: [`namespaces`] and a [`root`] of its own where there are such, then
//! [`limits`], [`files`] (Landlock), no [`privileges`], and a filter of [`syscalls`] (seccomp).
//! [`watch`] ends a command that uses too much. [`enclosure`] is what the commands of one run share:
//! their temporary folder and their network, which the process of [`holder`] holds. [`settings`] and
//! [`toolchains`] say what an operator opens, and what programs need.

mod conditions;
pub mod contained;
pub mod descriptors;
pub mod enclosure;
pub mod files;
pub mod fork;
pub mod forward;
pub mod holder;
pub mod limits;
pub mod lines;
pub mod namespaces;
pub mod privileges;
pub mod root;
pub mod run_network;
pub mod sandbox;
pub mod settings;
mod sockets;
pub mod syscalls;
pub mod toolchains;
pub mod wall;
pub mod watch;
