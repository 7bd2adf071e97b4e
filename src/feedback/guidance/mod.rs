//! Guidance: the section of a prompt with the insights that apply to a task. Chance holds some of them out,
//! so that their effect can be measured.

pub mod model;
pub mod service;
pub mod store;
