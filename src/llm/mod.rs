//! Talking to language models. No database and no HTTP server.
//!
//! A provider is a codec (pure: frames in, events out) plus a transport. Streaming is primary and a
//! complete answer is a folded stream; a stream without its last event is an error.
//!
//! A call of a tool that a model wrote as text is read by [`spoken`].
//!
//! Start at [`router`]: it turns the model a client asks for into a [`route::Route`] with a
//! [`provider::Provider`] that observes. [`wire`] holds the formats, [`failure`] what providers say when
//! they refuse and what to do about it, [`http_provider`] the transport, [`scripted`] the provider that
//! plays a script. [`served`] knows what providers serve and whether they answer, and [`repetition`] stops a
//! model that says the same over and over.

mod answer;
pub mod catalog;
pub mod config;
pub mod effort;
pub mod error;
pub mod failure;
pub mod http_provider;
pub mod model;
pub mod observe;
pub mod provider;
pub mod repetition;
pub mod route;
pub mod router;
pub mod routing;
pub mod script;
pub mod scripted;
pub mod served;
pub mod spoken;
pub mod wire;
