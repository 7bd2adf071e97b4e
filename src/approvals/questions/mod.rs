//! Questions of the model to the user, one row each, answered at most once.

pub mod service;
pub mod store;
