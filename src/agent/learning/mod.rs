//! What feedback teaches a run, and what a run leaves to learn from.

pub mod changes;
pub mod guidance;
pub mod signals;
pub mod tuning;
