//! Retention and erasure of everything that is kept.
//!
//! [`tables`] is the list of all tables, put together from what their slices declare. [`retention`]
//! makes the coming months and drops the old ones; [`erasure`] destroys what is known of a person or
//! an organisation and then looks whether it is gone. A test compares the list with the catalogue of
//! Postgres, so an undeclared table cannot be forgotten by either.

pub mod config;
pub mod disks;
pub mod erasure;
pub mod error;
pub mod keeper;
pub mod model;
pub mod retention;
pub mod runs;
pub mod store;
pub mod tables;
