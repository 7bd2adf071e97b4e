//! A run while this process works on it: its data and its primitives.

pub mod live_output;
pub mod resumed;
pub mod runner;
pub mod state;
pub mod transcript;
pub mod usage;
