//! Runs, and their storage.
//!
//! A *run* is one piece of work; clients know it as a task or a job. An *event* is one entry of the
//! run's append-only log. Who works on a run holds its [`lease`].

pub mod active;
pub mod event;
pub mod event_data;
pub mod lease;
pub mod log;
pub mod model;
pub mod outcome;
pub mod pieces;
pub mod plan;
pub mod store;
pub mod stream;
pub mod tables;
pub mod task;
pub mod topics;
pub mod verdict;
