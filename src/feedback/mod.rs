//! Ratings of the agent's answers, and the insights learned from them.
//!
//! A *generation* is the unit of rating: one answer of the agent, known to clients by its numeric
//! `gen_id`. It is logged in the transaction that ends a run, so every answer that was shown can be rated,
//! and no other. The prompt itself is not stored, only its hash.

pub mod bandit;
pub mod code;
pub mod config;
pub mod cursor;
pub mod error;
pub mod guidance;
pub mod insight;
pub mod insights;
pub mod learner;
pub mod learning;
pub mod model;
pub mod placing;
pub mod routes;
pub mod service;
pub mod store;
pub mod tables;
pub mod traits;
pub mod view;
pub mod vote;
