//! The Responses API of OpenAI and Azure, without its memory: every request holds the whole conversation,
//! and what the model thought comes and goes back encrypted.

mod answer;
pub mod codec;
mod event;
mod foreign;
mod item;
mod items;
mod name;
mod replay;
mod request;
mod usage;
