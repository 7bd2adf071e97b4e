//! The SQL of error groups.

pub mod reading;
pub mod resolution;
