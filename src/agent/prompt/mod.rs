//! The text that a model is given.

pub mod compaction;
pub mod facts;
pub mod fence;
pub mod messages;
pub mod plan;
pub mod repository_words;
