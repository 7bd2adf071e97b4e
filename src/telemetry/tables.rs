//! The retention of client telemetry.

use crate::platform::tables::model::{Find, Person, Stays, TablePolicy, Then, Trace, Whole};

const EVENTS: Stays = Stays::Months {
    column: "created_at",
    setting: "NAVI_TELEMETRY_RETENTION_DAYS",
};

const HOURS: Stays = Stays::Months {
    column: "hour",
    setting: "NAVI_ROLLUPS_RETENTION_DAYS",
};

/// An error that comes back after a year is known to have come back only as long as its group is.
const GROUPS: Stays = Stays::Until("for ever: what comes back after a year is recognised");

/// The tables of this slice. Groups come before those who are in them, by whom their rows are found.
pub const TABLES: &[TablePolicy] = &[
    TablePolicy {
        table: "telemetry_events",
        org: Some("org_id"),
        stays: EVENTS,
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "performance_metrics",
        org: Some("org_id"),
        stays: EVENTS,
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "error_events",
        org: Some("org_id"),
        stays: Stays::Months {
            column: "created_at",
            setting: "NAVI_ERRORS_RETENTION_DAYS",
        },
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "error_group_activity",
        org: Some("org_id"),
        stays: Stays::With("error_groups"),
        sealed: &[],
        person: Person::Rows(&[Trace {
            find: Find::Through {
                table: "error_group_users",
                on: "group_id",
                column: "user_id",
            },
            then: Then::Blank {
                columns: &[(
                    "last_message",
                    "coalesce((select g.message from error_groups g
                               where g.org_id = t.org_id and g.group_id = t.group_id), '')",
                )],
                why: "the error happens to others too; what the group has in common replaces it",
            },
        }]),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "error_groups",
        org: Some("org_id"),
        stays: GROUPS,
        sealed: &[],
        person: Person::Rows(&[
            Trace {
                find: Find::Alone {
                    table: "error_group_users",
                    on: "group_id",
                    column: "user_id",
                },
                then: Then::Delete,
            },
            Trace {
                find: Find::Column("resolved_by"),
                then: Then::Blank {
                    columns: &[("resolved_by", "null")],
                    why: "the resolution concerns all users",
                },
            },
        ]),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "error_group_users",
        org: Some("org_id"),
        stays: Stays::With("error_groups"),
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "error_group_hours",
        org: Some("org_id"),
        stays: HOURS,
        sealed: &[],
        person: Person::Nobody("counts of errors by the hour"),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "telemetry_hours",
        org: Some("org_id"),
        stays: HOURS,
        sealed: &[],
        person: Person::Nobody("counts of events by the hour"),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "performance_hours",
        org: Some("org_id"),
        stays: HOURS,
        sealed: &[],
        person: Person::Nobody("counts of measurements by the hour"),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "telemetry_batches",
        org: Some("org_id"),
        stays: Stays::Days {
            column: "created_at",
            days: 14,
        },
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
];
