//! The SQL of runs and of what belongs to them.

pub mod changes;
pub mod erasure;
pub mod runs;
pub mod steps;
