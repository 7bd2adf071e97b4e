//! Where a load happens: servers, people, and the project that they work on.

pub mod ground;
pub mod own_servers;
pub mod people;
pub mod place;
pub mod project;
pub mod store;
