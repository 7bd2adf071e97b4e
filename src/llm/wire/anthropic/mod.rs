//! The Messages API of Anthropic.

mod answer;
pub mod codec;
mod event;
mod name;
mod request;
mod thinking;
