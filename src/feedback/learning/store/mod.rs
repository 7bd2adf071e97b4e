//! The analyzer's SQL.
//!
//! Organisations are read and written in chunks. Every statement is told which, and joins by `org_id`.

pub mod counts;
pub mod exposures;
pub mod groups;
pub mod insights;
pub mod passes;
pub mod patterns;
