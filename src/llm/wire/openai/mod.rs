//! The Chat Completions API of OpenAI, and everything that is compatible with it.

mod answer;
pub mod codec;
pub mod dialect;
mod request;
