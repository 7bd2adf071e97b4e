//! The Chat Completions API of OpenAI, and everything that is compatible with it.
//!
//! [`dialect`] and [`ways`] say what is different from server to server: a [`request`] is written and an
//! [`answer`] read by them.

mod answer;
pub mod codec;
pub mod dialect;
mod effort;
mod event;
mod hand_back;
mod request;
mod thought;
pub mod ways;
