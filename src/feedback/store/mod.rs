//! Feedback's SQL.

pub mod applying;
pub mod generations;
pub mod passes;
pub mod ratings;
pub mod reading;
pub mod settling;
pub mod signals;
