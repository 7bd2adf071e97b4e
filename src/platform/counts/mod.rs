//! Counters that are so many that they are written out without the registry.

pub mod requests;
