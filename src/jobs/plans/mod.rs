//! Plans on their own: made without doing anything, and done later as jobs.
//!
//! A plan is kept as a job that waits to be started, so it outlives this process, any other can start it,
//! and it is listed, cancelled and erased like every job.

pub mod expiring;
pub mod following;
pub mod model;
pub mod request;
pub mod reservation;
pub mod routes;
pub mod service;
pub mod store;
pub mod view;
