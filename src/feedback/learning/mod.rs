//! The analyzer: what ratings teach, said in the catalogue's words, and whether saying it helped.
//!
//! A *pass* looks at every organisation in which something has changed. It is idempotent: what it
//! writes depends on what is there and on the day, so that a pass may be killed, repeated and made by
//! whoever gets to it first.

pub mod categories;
pub mod chunk;
pub mod counted;
pub mod effects;
pub mod error;
pub mod grouping;
pub mod insights;
pub mod model;
pub mod noticed;
pub mod org;
pub mod posterior;
pub mod service;
pub mod standing;
pub mod store;
pub mod voices;
