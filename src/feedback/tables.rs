//! The retention of feedback and of what is learnt from it.

use crate::platform::tables::model::{Find, Person, Stays, TablePolicy, Then, Trace, Whole};

/// Insights are worth more the longer they go back, and there are few of them.
const LEARNT: Stays = Stays::Until("until its person or organisation is erased");

const BY_USER_SUB: Person = Person::Rows(&[Trace {
    find: Find::Column("user_sub"),
    then: Then::Delete,
}]);

/// The tables of this slice.
pub const TABLES: &[TablePolicy] = &[
    TablePolicy {
        table: "ai_feedback_signals",
        org: Some("org_key"),
        stays: Stays::With("ai_generation_log"),
        sealed: &[],
        person: BY_USER_SUB,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "learning_exposures",
        org: Some("org_id"),
        stays: Stays::With("ai_generation_log"),
        sealed: &[],
        person: Person::Rows(&[Trace {
            find: Find::Through {
                table: "learning_suggestions",
                on: "gen_id",
                column: "user_id",
            },
            then: Then::Delete,
        }]),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "ai_feedback",
        org: Some("org_key"),
        stays: Stays::With("ai_generation_log"),
        sealed: &[],
        person: BY_USER_SUB,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "ai_generation_log",
        org: Some("org_key"),
        stays: LEARNT,
        sealed: &[],
        person: BY_USER_SUB,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "learning_suggestions",
        org: Some("org_id"),
        stays: LEARNT,
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "learning_patterns",
        org: Some("org_id"),
        stays: LEARNT,
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "learning_insights",
        org: Some("org_id"),
        stays: Stays::Until("until its organisation is erased"),
        sealed: &[],
        person: Person::Rows(&[
            Trace {
                find: Find::Column("user_id"),
                then: Then::Delete,
            },
            Trace {
                find: Find::Column("quoted_user"),
                then: Then::Delete,
            },
            Trace {
                find: Find::Column("decided_by"),
                then: Then::Blank {
                    columns: &[("decided_by", "null")],
                    why: "the decision holds for all users",
                },
            },
            Trace {
                find: Find::Column("edited_by"),
                then: Then::Blank {
                    columns: &[("edited_by", "'erased'")],
                    why: "the decision holds for all users",
                },
            },
        ]),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "learning_counts",
        org: Some("org_id"),
        stays: LEARNT,
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "learning_bandit_arms",
        org: Some("org_id"),
        stays: Stays::Until("until its organisation is erased"),
        sealed: &[],
        person: Person::Nobody("counts of all users' ratings, which fade"),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "learning_orgs",
        org: Some("org_id"),
        stays: Stays::Until("one row for an organisation, until it is erased"),
        sealed: &[],
        person: Person::Nobody("when an organisation was last analyzed"),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "learning_progress",
        org: None,
        stays: Stays::Until("for ever: one row, where the analyzer stands"),
        sealed: &[],
        person: Person::Nobody("a number and a time"),
        whole: Whole::Stays("it is about all organisations"),
        settled: None,
    },
    TablePolicy {
        table: "learning_passes",
        org: None,
        stays: Stays::Days {
            column: "started_at",
            days: 30,
        },
        sealed: &[],
        person: Person::Nobody("counts of a pass over all organisations"),
        whole: Whole::Stays("it is about all organisations"),
        settled: None,
    },
    TablePolicy {
        table: "learning_arm_changes",
        org: Some("org_id"),
        stays: Stays::Until("until it is added to `learning_bandit_arms`, within seconds"),
        sealed: &[],
        person: Person::Nobody("what to add to counts of all users' ratings"),
        whole: Whole::Delete,
        settled: None,
    },
    // Last: the triggers of the others append to the first of them.
    TablePolicy {
        table: "feedback_sum_changes",
        org: Some("org_key"),
        stays: Stays::Until("until it is added to `feedback_sums`, within seconds"),
        sealed: &[],
        person: Person::Nobody("what to add to sums; the erasure of ratings takes its part back"),
        whole: Whole::Delete,
        settled: None,
    },
    TablePolicy {
        table: "feedback_sums",
        org: Some("org_key"),
        stays: Stays::Until("until its organisation is erased, or its answers are"),
        sealed: &[],
        person: Person::Nobody("sums of ratings; the erasure of ratings takes its part out"),
        whole: Whole::Delete,
        settled: None,
    },
];
