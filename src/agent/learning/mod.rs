//! Feedback that runs use, and signals that runs leave to learn from.

pub mod changes;
pub mod guidance;
pub mod signals;
pub mod tuning;
