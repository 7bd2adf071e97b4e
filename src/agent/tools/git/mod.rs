//! Looking at a git repository: what changed in a folder since the last commit.
//!
//! A repository can name programs to be run, in hooks, filters, drivers for diffs and monitors, and
//! places to look at that are not its own. So git never sees the repository's own configuration: it
//! works in a directory of ours ([`repository`]) that borrows the repository's objects and its index.

pub mod error;
pub mod listing;
pub mod place;
pub mod program;
pub mod repository;
