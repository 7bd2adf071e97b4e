//! `navi e2e`: engineering tasks from end to end, with checks of what came out, and their figures.
//!
//! - `tasks`: the tasks as they are written, their folders, and the scripts that may play them.
//! - `measuring`: where the time of a run went, and percentiles.
//! - `running`: the server, a task's run over HTTP, and the checks after it.
//! - `reporting`: budgets, raw data, the page and its plots.

pub mod command;
pub mod measuring;
pub mod reporting;
pub mod running;
pub mod tasks;
