//! Encryption at rest: a sealed value can be opened in its own place and nowhere else.
//!
//! A value is sealed with a data key, the data key is wrapped by KMS or, in development, by a local
//! key, and lies wrapped beside the value. Start at [`service::Vault`]; `docs/vault.md` has the format
//! byte by byte.

pub mod config;
pub mod development;
pub mod envelope;
pub mod error;
pub mod format;
pub mod key;
pub mod kms;
pub mod model;
pub mod original;
pub mod problem;
pub mod service;
pub mod shelf;
