//! Looking at a git repository: what changed in a folder since the last commit.
//!
//! A repository can name programs to be run, in hooks, filters, drivers for diffs and monitors, and
//! places to look at that are not its own. So git never sees the repository's own configuration: it
//! works in a directory of ours ([`folder`]) that borrows the repository's objects, the names of its
//! commits and a copy of its index. The places where these lie are checked before ([`place`]).

pub mod error;
pub mod folder;
pub mod listing;
pub mod place;
pub mod program;
pub mod repository;
