//! What a person is asked: consents to actions, and questions of the model.

pub mod consents;
pub mod questions;
pub mod topic;
pub mod wait;
