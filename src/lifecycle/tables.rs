//! The list of all tables.

use crate::platform::kept::model::{Kept, Person, Stays, Whole};
use crate::{audit, connectors, feedback, ledger, platform, retrieval, runs, telemetry};

/// What sqlx notes about the migrations that it applied.
const MIGRATIONS: &[Kept] = &[Kept {
    table: "_sqlx_migrations",
    org: None,
    stays: Stays::Until("for ever: which migrations were applied"),
    sealed: &[],
    person: Person::Nobody("a migration"),
    whole: Whole::Stays("it is about the database"),
    settled: None,
}];

/// Every table, in the order in which they are erased: rows by which others are found come last.
pub fn all() -> Vec<&'static Kept> {
    [
        runs::tables::KEPT,
        feedback::kept::KEPT,
        telemetry::kept::KEPT,
        connectors::kept::KEPT,
        retrieval::kept::KEPT,
        ledger::kept::KEPT,
        platform::idempotency::kept::KEPT,
        audit::kept::KEPT,
        MIGRATIONS,
    ]
    .into_iter()
    .flatten()
    .collect()
}
