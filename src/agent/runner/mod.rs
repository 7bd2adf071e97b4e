//! A run while this process works on it: its data and its primitives.

pub mod live_output;
pub mod state;
pub mod usage;
