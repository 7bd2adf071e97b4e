//! The SQL of telemetry: batches and events, measurements, errors and their groups.

pub mod batches;
pub mod errors;
mod groups;
pub mod measurements;
pub mod plain;
