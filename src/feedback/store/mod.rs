//! Feedback's SQL.

pub mod generations;
