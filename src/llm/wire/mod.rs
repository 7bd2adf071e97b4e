//! The wire formats of model providers. Pure: no clock, no network, no settings.
//!
//! Start at [`codec`]: a request goes out as a path and a body, frames come in and become events.
//! [`sse`] cuts bytes into frames, [`conversation`] brings a conversation into the order every
//! provider accepts, [`halves`] mends characters that came in two, [`packing`] reads what came packed,
//! and the three formats stand in [`anthropic`], [`openai`] and [`responses`].

pub mod anthropic;
pub mod calls;
pub mod codec;
pub mod conversation;
pub mod counts;
mod family;
pub mod halves;
pub mod openai;
pub mod packing;
pub mod responses;
pub mod sse;
pub mod verbatim;
