//! What was done, by whom: sealed, chained, complete.

pub mod config;
