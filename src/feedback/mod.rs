//! What people thought of what the agent made, and what it teaches.
//!
//! A *generation* is what can be rated: one answer of the agent, known to clients by its numeric
//! `gen_id`. It is logged in the transaction that ends a run, so an answer that was shown can
//! always be rated, and one that was not never can. The prompt itself is not kept, only its hash.

pub mod bandit;
pub mod code;
pub mod config;
pub mod cursor;
pub mod error;
pub mod guidance;
pub mod insight;
pub mod insights;
pub mod kept;
pub mod learner;
pub mod learning;
pub mod model;
pub mod routes;
pub mod service;
pub mod store;
pub mod traits;
pub mod view;
pub mod vote;
