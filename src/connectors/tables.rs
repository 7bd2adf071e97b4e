//! The retention of people's tokens for other services.

use crate::platform::tables::model::{Person, Stays, TablePolicy, Whole};

/// The tables of this slice.
pub const TABLES: &[TablePolicy] = &[TablePolicy {
    table: "connector_tokens",
    org: Some("org_id"),
    stays: Stays::Until("until its owner replaces or deletes it"),
    sealed: &["sealed"],
    person: Person::BY_USER_ID,
    whole: Whole::Delete,
    settled: None,
}];
