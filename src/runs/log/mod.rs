//! The append-only log of a run: written once, numbered without a gap, and followed by streams.

pub mod audience;
pub mod entry;
pub mod feed;
mod folded;
pub mod journal;
pub mod shown;
pub mod store;
mod window;
pub mod writer;
