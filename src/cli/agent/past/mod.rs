//! Runs that were begun before: listed, shown again, gone on with.

pub mod list;
pub mod resume;
pub mod show;
