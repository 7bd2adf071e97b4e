//! Paths that stay inside a folder.

pub mod paths;
pub mod resolve;
