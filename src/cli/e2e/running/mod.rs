//! A task from its folder to its checks: the server, the person, the run over HTTP, what came out.

pub mod checks;
pub mod commands;
pub mod person;
pub mod play;
pub mod protocol;
pub mod provider_counts;
pub mod stage;
pub mod task;
pub mod watched_run;
