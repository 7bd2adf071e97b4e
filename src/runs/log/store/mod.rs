//! The SQL of the log of runs, and of the steps that are written with it.

pub mod beginning;
pub mod ending;
pub mod events;
pub mod step;
