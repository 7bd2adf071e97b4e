//! Server-sent events: their frames, and answers that are streamed while they are made.

pub mod described;
pub mod frames;
pub mod live;
