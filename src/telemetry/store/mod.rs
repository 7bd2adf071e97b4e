//! Telemetry's SQL: batches and their events, measurements, errors and their groups.

pub mod batches;
pub mod errors;
mod groups;
pub mod measurements;
