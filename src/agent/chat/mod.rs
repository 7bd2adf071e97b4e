//! Chats: one question, one answer in text, no tools and no run.
//!
//! The cost of a chat is recorded like that of any call, and its answer is a generation that can be rated.

pub mod event;
pub mod schema;
pub mod service;
pub mod shortfall;
pub mod stream;
