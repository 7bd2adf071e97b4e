//! Where the time of a run went, and percentiles of it.

pub mod figures;
pub mod model;
pub mod shares;
pub mod store;
