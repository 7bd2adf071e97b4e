//! Works on runs: a request becomes a conversation with tools, events and a verified outcome.
//!
//! The folders are the phases of a run, in the order in which they happen: [`intake`], [`queue`],
//! [`execution`] with its [`steps`] and [`calls`], and [`finish`]. A *turn* is one question to the
//! model and its answer; a *tool call* is one action the model asked for. Start at
//! [`execution::run_loop`], which is the loop itself.

pub mod calls;
pub mod chat;
pub mod config;
pub mod deps;
pub mod error;
pub mod execution;
pub mod finish;
pub mod intake;
pub mod learning;
pub mod model_call;
pub mod prompt;
pub mod queue;
pub mod repository;
pub mod routes;
pub mod runner;
pub mod service;
pub mod spend;
pub mod steps;
pub mod tries;
