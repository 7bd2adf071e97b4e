//! The SQL of runs and of what belongs to them.

pub mod aftermath;
pub mod erasing;
pub mod prompts;
pub mod runs;
pub mod steps;
