//! The retention of answers to repeated requests.

use crate::platform::tables::model::{Person, Stays, TablePolicy, Whole};

/// The tables of this part.
pub const TABLES: &[TablePolicy] = &[TablePolicy {
    table: "idempotency_keys",
    org: Some("org_id"),
    stays: Stays::Days {
        column: "created_at",
        days: 1,
    },
    sealed: &[],
    person: Person::BY_USER_ID,
    whole: Whole::Delete,
    settled: None,
}];
