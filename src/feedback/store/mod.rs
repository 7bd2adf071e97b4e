//! The SQL of feedback.

pub mod generations;
pub mod insight_lock;
pub mod passes;
pub mod ratings;
pub mod reading;
pub mod signals;
pub mod suggestions;
pub mod sums;
