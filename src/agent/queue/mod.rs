//! Starting runs, taking over those that were left, and listening to other processes.

pub mod listener;
pub mod worker;
