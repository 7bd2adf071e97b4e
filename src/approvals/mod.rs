//! Requests to a person: consents to actions, and questions of the model.

pub mod consents;
pub mod questions;
pub mod store;
pub mod topic;
pub mod wait;
