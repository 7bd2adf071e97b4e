//! The list of all tables.

use crate::platform::tables::model::{Person, Stays, TablePolicy, Whole};
use crate::{
    audit, auth, connectors, feedback, ledger, notices, platform, retrieval, runs, telemetry,
    workspaces,
};

/// The record that sqlx keeps of the migrations it applied.
const MIGRATIONS: &[TablePolicy] = &[TablePolicy {
    table: "_sqlx_migrations",
    org: None,
    stays: Stays::Until("for ever: which migrations were applied"),
    sealed: &[],
    person: Person::Nobody("a migration"),
    whole: Whole::Stays("it is about the database"),
    settled: None,
}];

/// Every table, in the order in which they are erased: rows by which others are found come last.
pub fn all() -> Vec<&'static TablePolicy> {
    [
        runs::tables::TABLES,
        workspaces::tables::TABLES,
        feedback::tables::TABLES,
        telemetry::tables::TABLES,
        connectors::tables::TABLES,
        notices::tables::TABLES,
        retrieval::tables::TABLES,
        ledger::tables::TABLES,
        platform::idempotency::tables::TABLES,
        audit::tables::TABLES,
        auth::erased::tables::TABLES,
        MIGRATIONS,
    ]
    .into_iter()
    .flatten()
    .collect()
}
