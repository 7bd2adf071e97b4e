//! What was learned, put into a prompt: which insights apply to a task, which of them chance leaves out
//! so that their effect can be measured, and the words they become.

pub mod model;
pub mod service;
pub mod store;
