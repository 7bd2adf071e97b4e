//! The SQL of the audit log.

pub mod appending;
pub mod erasing;
pub mod reading;
pub mod tree;
