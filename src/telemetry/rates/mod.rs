//! How often things happened and how long they took, hour by hour: what stays countable when the
//! events themselves are gone.

pub mod error;
pub mod model;
pub mod routes;
pub mod service;
pub mod sketch;
pub mod store;
