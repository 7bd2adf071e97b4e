//! `navi workspaces`: which folders belong to which organisation, and taking one back.

pub mod list;
pub mod opened;
pub mod release;
