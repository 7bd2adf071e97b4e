//! A review of what changed in a folder since its last commit. Nothing is written, and nothing is run
//! that the repository names.

pub mod error;
pub mod gathering;
pub mod judging;
pub mod model;
pub mod patch;
pub mod routes;
pub mod schema;
pub mod service;
pub mod skipped;
pub mod stream;
pub mod view;
