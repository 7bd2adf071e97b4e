//! Waiting: for a body that comes slowly, and for a turn to read.

pub mod pace;
pub mod reads;
