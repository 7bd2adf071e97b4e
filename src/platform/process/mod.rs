//! The resources of this process.

pub mod descriptors;
pub mod memory;
