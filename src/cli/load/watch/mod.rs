//! Watching the servers, their database and this machine while users are served.

pub mod database;
pub mod exposition;
pub mod observatory;
pub mod process;
pub mod store;
