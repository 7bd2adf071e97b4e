//! The analyzer: derives insights from ratings, in the catalogue's words, and measures their effect.
//!
//! A *pass* analyzes every organisation that changed. It is idempotent: its writes depend on the stored
//! rows and the day alone, so it may be killed, repeated, and run by any process.

pub mod categories;
pub mod comment_groups;
pub mod conclusions;
pub mod effects;
pub mod error;
pub mod insights;
pub mod lifecycle;
pub mod model;
pub mod org;
pub mod pass;
pub mod patterns;
pub mod posterior;
pub mod service;
pub mod store;
pub mod tallies;
pub mod votes;
