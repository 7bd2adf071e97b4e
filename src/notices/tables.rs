//! Tables of webhooks and notices, and how long their rows are kept.

use crate::platform::tables::model::{Find, Person, Stays, TablePolicy, Then, Trace, Whole};

/// The tables of this slice, each before the one that it refers to.
pub const TABLES: &[TablePolicy] = &[
    TablePolicy {
        table: "notice_deliveries",
        org: Some("org_id"),
        stays: Stays::Days {
            column: "created_at",
            days: 30,
        },
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "webhooks",
        org: Some("org_id"),
        stays: Stays::Until("until an administrator deletes it"),
        sealed: &["secret"],
        person: Person::Rows(&[Trace {
            find: Find::Column("user_id"),
            then: Then::Blank {
                columns: &[("user_id", "null")],
                why: "the webhook is the organisation's",
            },
        }]),
        whole: Whole::Delete,
        settled: None,
    },
];
