//! A stand-in for a model provider, over HTTP as real ones are: it plays a script in Chat Completions, and
//! counts what it answered.

pub mod frames;
pub mod play;
pub mod provider;
pub mod routes;
