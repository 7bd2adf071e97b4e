//! What clients report about themselves, and what went wrong on this side: events, errors,
//! measurements.

pub mod kept;
