//! Runs: a request becomes a conversation with tools, events and a verified outcome.
//!
//! A *run* is one piece of work; clients know it as a task or a job. A *turn* is one question to
//! the model and its answer. An *event* is one entry of the run's append-only log. A *tool call*
//! is one action the model asked for. Start at [`run`], which is the loop itself.

pub mod acting;
pub mod ask;
pub mod beneath;
pub mod chat;
pub mod checking;
pub mod context;
pub mod conversations;
pub mod ending;
pub mod error;
pub mod event;
pub mod event_log;
pub mod frame;
pub mod journal;
pub mod limits;
pub mod live;
pub mod lost;
pub mod memory;
pub mod model;
pub mod model_call;
pub mod output;
pub mod plan;
pub mod planning;
pub mod prompt;
pub mod request;
pub mod routes;
pub mod run;
pub mod service;
pub mod store;
pub mod stream;
pub mod tally;
pub mod tools;
pub mod turn;
pub mod verify;
pub mod workspace;
