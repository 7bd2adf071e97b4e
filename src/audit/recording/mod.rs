//! Requests in the log: those that change something, and tokens that were refused.

mod beginning;
pub mod clearance;
pub mod layer;
pub mod stream;
