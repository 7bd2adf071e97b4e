//! Error groups, for the users of an organisation: occurrences, affected users, trends and resolution.

pub mod error;
pub mod model;
pub mod routes;
pub mod service;
pub mod store;
pub mod view;
