//! Connections: where they arrive, how they are served, and who is at their other end.

pub mod arrivals;
pub mod connections;
pub mod listeners;
pub mod peers;
mod refused;
pub mod socket;
