//! The repositories that a run's commands work in: where their settings and hooks lie, which commands
//! may not change.

pub mod guarded;
pub mod linked;
pub mod search;
mod settings;
