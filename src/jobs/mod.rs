//! Jobs: runs that are asked for, looked at and answered without following them.
//!
//! A job is a run; every run can be looked at as a job, whichever way it was asked for.

pub mod cursor;
pub mod error;
pub mod model;
pub mod plans;
pub mod request;
pub mod routes;
pub mod service;
pub mod store;
pub mod view;
