//! Retention of retrievals.

use crate::platform::tables::model::{Find, Person, Stays, TablePolicy, Then, Trace, Whole};

/// The tables of this slice.
pub const TABLES: &[TablePolicy] = &[
    TablePolicy {
        table: "rag_metrics",
        org: Some("org_id"),
        stays: Stays::Months {
            column: "created_at",
            setting: "NAVI_METRICS_RETENTION_DAYS",
        },
        sealed: &[],
        person: Person::Rows(&[Trace {
            find: Find::Column("user_id"),
            then: Then::Blank {
                columns: &[
                    ("user_id", "''"),
                    ("run_id", "null"),
                    ("trace_id", "null"),
                    ("query", "null"),
                    ("session_id", "null"),
                    ("task_id", "null"),
                    ("extra_metadata", "null"),
                ],
                why: "the duration of a retrieval is personal to no user",
            },
        }]),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "rag_days",
        org: Some("org_id"),
        stays: Stays::Months {
            column: "day",
            setting: "NAVI_ROLLUPS_RETENTION_DAYS",
        },
        sealed: &[],
        person: Person::Nobody("sums over all users"),
        whole: Whole::Delete,
        settled: None,
    },
];
