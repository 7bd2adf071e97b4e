//! The SQL of groups of errors.

pub mod reading;
pub mod resolution;
