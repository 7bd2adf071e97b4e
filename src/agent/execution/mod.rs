//! The loop that works on a run until it ends.

pub mod build;
pub mod run_loop;
