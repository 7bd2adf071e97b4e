//! The retention of the costs of models.
//!
//! A call is money that was spent, and has to stay countable when the person who spent it is erased: sums
//! over `llm_metrics` are compared with invoices, and a budget must not grow because a person left. So
//! the row stays, and everything in it that leads to the person goes. The empty name in its place belongs
//! to no person: no token can name it.

use crate::platform::tables::model::{Find, Person, Stays, TablePolicy, Then, Trace, Whole};

/// Why a row of money stays.
const MONEY: &str = "what was spent stays countable";

const RAW: Stays = Stays::Months {
    column: "created_at",
    setting: "NAVI_METRICS_RETENTION_DAYS",
};

const ROLLUP: Stays = Stays::Months {
    column: "day",
    setting: "NAVI_ROLLUPS_RETENTION_DAYS",
};

/// The tables of this slice.
pub const TABLES: &[TablePolicy] = &[
    TablePolicy {
        table: "llm_metrics",
        org: Some("org_id"),
        stays: RAW,
        sealed: &[],
        person: Person::Rows(&[Trace {
            find: Find::Column("user_id"),
            then: Then::Blank {
                columns: &[
                    ("user_id", "''"),
                    ("run_id", "null"),
                    ("trace_id", "null"),
                    ("session_id", "null"),
                    ("error_message", "null"),
                    (
                        "extra_metadata",
                        // A sum also says whether its tokens were counted.
                        "case when t.extra_metadata ? 'usage_reported' then jsonb_build_object(
                             'usage_reported', t.extra_metadata -> 'usage_reported') end",
                    ),
                ],
                why: MONEY,
            },
        }]),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "task_metrics",
        org: Some("org_id"),
        stays: RAW,
        sealed: &[],
        person: Person::Rows(&[Trace {
            find: Find::Column("user_id"),
            then: Then::Blank {
                columns: &[
                    ("user_id", "''"),
                    // Part of the key, so another takes its place.
                    ("run_id", "gen_random_uuid()"),
                    ("trace_id", "null"),
                    ("task_id", "null"),
                    ("extra_metadata", "null"),
                ],
                why: MONEY,
            },
        }]),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "llm_days",
        org: Some("org_id"),
        stays: ROLLUP,
        sealed: &[],
        person: Person::Nobody("sums over all users"),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "task_days",
        org: Some("org_id"),
        stays: ROLLUP,
        sealed: &[],
        person: Person::Nobody("sums over all users"),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "model_prices",
        org: None,
        stays: Stays::Until("for ever: what was computed with a price can be computed again"),
        sealed: &[],
        person: Person::Nobody("a price"),
        whole: Whole::Stays("prices are the same for all users"),
        settled: None,
    },
];
