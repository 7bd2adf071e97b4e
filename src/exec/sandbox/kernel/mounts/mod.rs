//! The files that a command sees: a root of mounts of its own, with what it may use at its place outside.

pub mod ownership;
pub mod parts;
pub mod root;
mod trees;
