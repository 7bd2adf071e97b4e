//! `navi policy`: what the policy makes of a command, and its rules.

pub mod command;
pub mod explain;
pub mod list_rules;
pub mod place;
