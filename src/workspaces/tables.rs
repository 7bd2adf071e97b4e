//! The tables of workspaces.

use crate::platform::tables::model::{Find, Person, Stays, TablePolicy, Then, Trace, Whole};

/// The tables of this slice.
pub const TABLES: &[TablePolicy] = &[TablePolicy {
    table: "workspace_bindings",
    org: Some("org_id"),
    stays: Stays::Until("until an operator releases it or its organisation is erased"),
    sealed: &[],
    person: Person::Rows(&[Trace {
        find: Find::Column("user_id"),
        then: Then::Blank {
            columns: &[("user_id", "null")],
            why: "the folder is the organisation's",
        },
    }]),
    whole: Whole::Delete,
    settled: None,
}];
