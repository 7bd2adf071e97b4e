//! The audit log: every action and its actor, sealed, chained, complete.
//!
//! An entry begins before a thing is done and is completed after it, each time with a record that is
//! committed before anything goes on. The records of an organisation form a hash chain and a Merkle
//! tree whose state is signed from time to time. `docs/audit.md` describes the formats.

pub mod adopting;
pub mod checkpoints;
pub mod config;
pub mod csv_export;
pub mod entry;
pub mod erasing;
pub mod error;
pub mod event;
pub mod export;
pub mod keyring;
pub mod legacy;
pub mod listing;
pub mod model;
pub mod note;
pub mod reader;
pub mod record;
pub mod recording;
pub mod retention;
pub mod routes;
pub mod sealing;
pub mod seals;
pub mod service;
pub mod settings;
pub mod spans;
pub mod store;
pub mod tables;
pub mod tree;
pub mod verifying;
pub mod view;
pub mod witnessing;
pub mod writing;
