//! `navi agent`: tasks done in a folder and watched in the terminal, and what became of earlier ones.
//!
//! The commands talk HTTP as every client does: to a server that runs over the same data folder, to one
//! that is named, or to one of their own.

pub mod changes;
pub mod command;
pub mod consent;
pub mod desk;
pub mod follow;
pub mod frames;
pub mod named_model;
pub mod outcome;
pub mod own;
pub mod past;
pub mod recorded;
pub mod run;
pub mod session;
