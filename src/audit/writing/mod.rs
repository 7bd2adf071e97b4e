//! Writing records into logs: what waits for it, and who does it.

pub mod closed;
pub mod doubt;
pub mod queue;
pub mod trouble;
pub mod writer;
