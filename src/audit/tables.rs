//! Retention of the audit log. Its proofs outlive the people in it: the removal of a log, or of a part of it,
//! must be found out, so erasing leaves the hashes and destroys the content they stand for.

use crate::platform::tables::model::{Person, Stays, TablePolicy, Whole};

/// Why proofs stay when their organisation goes.
const PROOF: &str = "hashes and signatures, which prove that nothing was removed unseen";

/// The tables of this slice.
pub const TABLES: &[TablePolicy] = &[
    TablePolicy {
        table: "audit_records",
        org: Some("org_id"),
        stays: Stays::SignedMonths {
            setting: "AUDIT_RETENTION_DAYS",
        },
        sealed: &["payload", "entry_key"],
        person: Person::Audited { column: "actor" },
        whole: Whole::Audited,
        settled: None,
    },
    TablePolicy {
        table: "audit_chains",
        org: Some("org_id"),
        stays: Stays::Until("for ever: a log that ends nowhere proves nothing"),
        sealed: &[],
        person: Person::Nobody("a number and a hash"),
        whole: Whole::Stays(PROOF),
        settled: None,
    },
    TablePolicy {
        table: "audit_checkpoints",
        org: Some("org_id"),
        stays: Stays::Until("for ever: copies kept elsewhere are compared with it"),
        sealed: &[],
        person: Person::Nobody("a number, a hash and a signature"),
        whole: Whole::Stays(PROOF),
        settled: None,
    },
    TablePolicy {
        table: "audit_tiles",
        org: Some("org_id"),
        stays: Stays::Until("for ever: 32 bytes a record, by which dropped months stay provable"),
        sealed: &[],
        person: Person::Nobody("hashes"),
        whole: Whole::Stays(PROOF),
        settled: None,
    },
];
