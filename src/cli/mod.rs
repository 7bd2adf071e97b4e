//! The commands.
//!
//! Data goes to the standard output, everything else to the standard error stream. A command ends with 0 when
//! it did what was asked, 1 when it failed, 2 when it was called wrongly, 3 when the database cannot be
//! reached, 4 when a part is done or the result is unknown, 130 when it was interrupted and, without a word,
//! 141 when its output has no reader any more.

pub mod agent;
pub mod audit;
pub mod beacon;
pub mod command;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod e2e;
pub mod failure;
pub mod feedback_analyzer;
pub mod keys;
pub mod lifecycle;
pub mod load;
pub mod migrate;
pub mod models;
pub mod pages;
pub mod policy;
pub mod serve;
pub mod settled;
pub mod terminal;
pub mod token;
pub mod vault;
pub mod workspaces;
