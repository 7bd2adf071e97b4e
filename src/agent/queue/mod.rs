//! Starting runs, taking over those that were left, and listening to other processes.

pub mod at_once;
pub mod cancel;
pub mod listener;
pub mod resume;
pub mod start;
pub mod worker;
