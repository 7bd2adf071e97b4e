//! The sandbox: the wall around every process that a run starts.
//!
//! [`wall`] says what a command may do and how strong the wall is ([`wall::Tier`]); [`contained`]
//! starts a command within it, with what the [`kernel`] offers. [`enclosure`] is what the commands of one run share: their temporary folder and their
//! [`network`]; [`repositories`] says which files in their folders stay as they are. [`machine`] is what this machine can build; [`settings`] and
//! [`toolchains`] say what an operator opens, and what programs need.

pub mod contained;
pub mod control_groups;
pub mod enclosure;
pub mod error;
pub mod git_identity;
pub mod identity;
pub mod kernel;
pub mod lines;
pub mod machine;
pub mod network;
pub mod order;
pub mod repositories;
pub mod settings;
pub mod toolchains;
pub mod wall;
