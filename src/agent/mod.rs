//! Runs: a request becomes a conversation with tools, events and a verified outcome.
//!
//! A *run* is one piece of work; clients know it as a task or a job. A *turn* is one question to
//! the model and its answer. An *event* is one entry of the run's append-only log. A *tool call*
//! is one action the model asked for. Start at [`run`], which is the loop itself.

pub mod acting;
pub mod aftermath;
pub mod announcing;
pub mod ask;
pub mod attending;
pub mod auditing;
pub mod beneath;
pub mod chat;
pub mod checking;
pub mod conclude;
pub mod consenting;
pub mod consents;
pub mod context;
pub mod conversations;
pub mod conversing;
pub mod ending;
pub mod error;
pub mod event;
pub mod event_data;
pub mod event_log;
pub mod followers;
pub mod frame;
pub mod jobs;
pub mod journal;
pub mod journal_writer;
pub mod kept;
pub mod learning;
pub mod leases;
pub mod limits;
pub mod live;
pub mod memory;
pub mod model;
pub mod model_call;
pub mod output;
pub mod permitting;
pub mod plan;
pub mod planning;
pub mod plans;
pub mod policy;
pub mod preparing;
pub mod prompt;
pub mod questioning;
pub mod records;
pub mod recovery;
pub mod request;
pub mod review;
pub mod routes;
pub mod run;
pub mod service;
pub mod state;
pub mod store;
pub mod stream;
pub mod tally;
pub mod terminal;
pub mod tools;
pub mod tuning;
pub mod turn;
pub mod verify;
pub mod worker;
pub mod workspace;
