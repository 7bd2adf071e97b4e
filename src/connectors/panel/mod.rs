//! Connections in the shapes of older clients' panels: their status, a list, and two ways to store a
//! token. The same connections as everywhere else, checked and stored by the same service.

pub mod routes;
pub mod view;
