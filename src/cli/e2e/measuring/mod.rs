//! The parts of the time of a run, and percentiles.

pub mod figures;
pub mod model;
pub mod shares;
pub mod store;
