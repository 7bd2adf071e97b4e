//! `navi policy`: what the policy makes of a command.

pub mod explain;
