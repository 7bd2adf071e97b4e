//! A run's log as server-sent events.

pub mod respond;
pub mod schema;
pub mod shapes;
pub mod source;
pub mod view;
