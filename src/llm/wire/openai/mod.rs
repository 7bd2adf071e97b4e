//! The Chat Completions API of OpenAI, and everything that is compatible with it.

mod answer;
pub mod codec;
mod request;
