//! The tool calls of a turn: announced, judged, approved, executed, recorded.

pub mod announce;
pub mod approve;
pub mod audit;
pub mod call;
pub mod consent;
pub mod execute;
mod folder_words;
pub mod probe;
pub mod question;
pub mod recover;
