//! The analyzer: what ratings teach, said in the catalogue's words, and whether saying it helped.
//!
//! A *pass* looks at every organisation in which something has changed. It is idempotent: what it
//! writes depends on what is there and on the day, so that a pass may be killed, repeated and made by
//! whoever gets to it first.

pub mod categories;
pub mod comment_groups;
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
