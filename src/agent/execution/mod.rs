//! The loop that works on a run until it ends.

pub mod conversing;
pub mod run_loop;
