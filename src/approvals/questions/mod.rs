//! Questions of the model to the user, one row each, answered at most once.

pub mod error;
pub mod model;
pub mod routes;
pub mod service;
pub mod shown;
pub mod store;
