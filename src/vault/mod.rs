//! Encryption at rest: what is sealed can be opened in its own place and nowhere else.

pub mod config;
pub mod envelope;
pub mod key;
