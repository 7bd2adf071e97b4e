//! Paths that stay inside a folder, and the files there at one moment.

pub mod error;
pub mod generated;
pub mod paths;
pub mod place;
pub mod resolve;
pub mod snapshot;
