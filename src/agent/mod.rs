//! Runs: a request becomes a conversation with tools, events and a verified outcome.
//!
//! A *run* is one piece of work; clients know it as a task or a job. A *turn* is one question to
//! the model and its answer. An *event* is one entry of the run's append-only log. A *tool call*
//! is one action the model asked for.

pub mod beneath;
pub mod event;
pub mod model;
pub mod tools;
pub mod verify;
pub mod workspace;
