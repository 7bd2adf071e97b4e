//! Runs: a request becomes a conversation with tools, events and a verified outcome.
//!
//! A *run* is one piece of work; clients know it as a task or a job. A *turn* is one question to
//! the model and its answer. An *event* is one entry of the run's append-only log. A *tool call*
//! is one action the model asked for. Start at [`run`], which is the loop itself.

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
pub mod routes;
pub mod runner;
pub mod service;
pub mod steps;
