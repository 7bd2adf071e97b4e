//! Runs, whole: a script goes in, and what comes out is the transcript a client gets and the rows
//! that are left.
//!
//! Every run that ends here is held against the rules of [`rules`], whatever its test is about.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]

mod asking;
mod changed;
mod chats;
mod context;
mod costs;
mod effort;
mod endings;
mod instructions;
mod limits;
mod models;
mod monorepo;
mod nudges;
mod outcomes;
mod patience;
mod refusals;
pub(crate) mod rules;
mod shown;
mod spoken;
pub(crate) mod stage;
pub(crate) mod stream;
mod unasked;
