//! Paths that stay inside a folder.

pub mod error;
pub mod paths;
pub mod place;
pub mod resolve;
