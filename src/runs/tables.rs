//! Retention of conversations and runs.

use crate::platform::tables::model::{Find, Person, Stays, TablePolicy, Then, Trace, Whole};

/// People come back to what was said and done; there is no time after which they never do.
const OWNED: Stays = Stays::Until("until its owner is erased");

/// A run's rows, of which the run alone says whose it is.
const OF_RUN: Person = Person::Rows(&[Trace {
    find: Find::Through {
        table: "runs",
        on: "run_id",
        column: "user_id",
    },
    then: Then::Delete,
}]);

/// The tables of this slice, each before the one by which its rows are found.
pub const TABLES: &[TablePolicy] = &[
    TablePolicy {
        table: "conversation_messages",
        org: Some("org_id"),
        stays: Stays::With("conversations"),
        sealed: &[],
        person: Person::Rows(&[Trace {
            find: Find::Through {
                table: "conversations",
                on: "conversation_id",
                column: "user_id",
            },
            then: Then::Delete,
        }]),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "conversations",
        org: Some("org_id"),
        stays: OWNED,
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "run_changes",
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
    TablePolicy {
        table: "run_events",
        org: Some("org_id"),
        stays: Stays::Months {
            column: "created_at",
            setting: "NAVI_EVENTS_RETENTION_DAYS",
        },
        sealed: &[],
        person: OF_RUN,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "run_messages",
        org: Some("org_id"),
        stays: Stays::With("runs"),
        sealed: &[],
        person: OF_RUN,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "tool_calls",
        org: Some("org_id"),
        stays: Stays::With("runs"),
        sealed: &[],
        person: OF_RUN,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "prompts",
        org: Some("org_id"),
        stays: Stays::With("runs"),
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "consents",
        org: Some("org_id"),
        stays: Stays::With("runs"),
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "runs",
        org: Some("org_id"),
        stays: OWNED,
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: Some(
            // Without its run a log cannot be told whose it is, so the run goes last, and not while a worker
            // still writes its log.
            "t.finished_at is not null and not exists (
                 select from run_events e where e.org_id = t.org_id and e.run_id = t.run_id)",
        ),
    },
    TablePolicy {
        table: "consent_preferences",
        org: Some("org_id"),
        stays: Stays::Until("until its owner deletes it or is erased"),
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "consent_audit_log",
        org: Some("org_id"),
        stays: OWNED,
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "run_turns",
        org: Some("org_id"),
        stays: Stays::Until("one row for an organisation, until it is erased"),
        sealed: &[],
        person: Person::Nobody("when an organisation's turn was"),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "workers",
        org: None,
        stays: Stays::Until("an hour after its lease ended"),
        sealed: &[],
        person: Person::Nobody("a process and its machine"),
        whole: Whole::Stays("processes work for all users"),
        settled: None,
    },
];
