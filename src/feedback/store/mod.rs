//! Feedback's SQL.

pub mod generations;
pub mod passes;
