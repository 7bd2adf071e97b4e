//! Errors by group, for the people of an organisation: what went wrong, how often, for how many,
//! since when, and whether somebody has dealt with it.

pub mod error;
pub mod model;
pub mod routes;
pub mod service;
pub mod store;
pub mod view;
