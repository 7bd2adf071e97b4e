//! The text that a model is given.

pub mod compaction;
pub(crate) mod fence;
pub mod messages;
pub mod plan;
