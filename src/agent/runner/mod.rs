//! A run while this process works on it: its data and its primitives.

pub mod connections;
pub mod file_watch;
pub mod live_output;
pub mod primitives;
pub mod resumed;
pub mod state;
pub mod transcript;
pub mod usage;
pub mod watch;
