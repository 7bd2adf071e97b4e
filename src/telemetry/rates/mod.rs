//! Event rates and distributions of measurements by hour, which outlive the events themselves.

pub mod error;
pub mod model;
pub mod routes;
pub mod service;
pub mod sketch;
pub mod store;
