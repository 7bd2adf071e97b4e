//! Control groups of the kernel: limits and an end for all processes of a command together.

pub mod command;
pub mod find;
