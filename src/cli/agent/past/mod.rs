//! Runs that were begun before: listed, shown again, gone on with.

pub mod list;
pub mod named;
pub mod resume;
pub mod show;
