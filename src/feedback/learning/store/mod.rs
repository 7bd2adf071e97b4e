//! The analyzer's SQL.
//!
//! Organisations are read and written in chunks: every statement takes a list of them and joins by
//! `org_id`.

pub mod counts;
pub mod exposures;
pub mod groups;
pub mod insights;
pub mod passes;
pub mod patterns;
