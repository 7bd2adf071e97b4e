//! Chats: one question, one answer in text, no tools and no run.
//!
//! What a chat costs is recorded like any call, and its answer is a generation that can be rated.

pub mod event;
pub mod schema;
pub mod service;
pub mod shortfall;
pub mod stream;
