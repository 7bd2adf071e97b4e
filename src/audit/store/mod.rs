//! The SQL of the audit log.

pub mod appending;
pub mod continuing;
pub mod erasing;
pub mod mark;
pub mod newest;
pub mod reading;
pub mod shape;
pub mod tree;
