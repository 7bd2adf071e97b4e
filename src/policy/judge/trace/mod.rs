//! The tree of a command as the walk understands it.

pub mod steps;
pub mod tree;
