//! What is kept of what people thought, and of what it taught.

use crate::platform::kept::model::{Find, Kept, Person, Stays, Then, Trace, Whole};

/// What it teaches is worth more the longer it goes back, and there is little of it.
const LEARNT: Stays = Stays::Until("until its person or organisation is erased");

const BY_USER_SUB: Person = Person::Rows(&[Trace {
    find: Find::Column("user_sub"),
    then: Then::Delete,
}]);

/// The tables of this slice.
pub const KEPT: &[Kept] = &[
    Kept {
        table: "ai_feedback",
        org: Some("org_key"),
        stays: Stays::With("ai_generation_log"),
        sealed: &[],
        person: BY_USER_SUB,
        whole: Whole::Delete,
        settled: None,
    },
    Kept {
        table: "ai_generation_log",
        org: Some("org_key"),
        stays: LEARNT,
        sealed: &[],
        person: BY_USER_SUB,
        whole: Whole::Delete,
        settled: None,
    },
    Kept {
        table: "learning_suggestions",
        org: Some("org_id"),
        stays: LEARNT,
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    Kept {
        table: "learning_patterns",
        org: Some("org_id"),
        stays: LEARNT,
        sealed: &[],
        person: Person::BY_USER_ID,
        whole: Whole::Delete,
        settled: None,
    },
    Kept {
        table: "learning_insights",
        org: Some("org_id"),
        stays: Stays::Until("until its organisation is erased"),
        sealed: &[],
        person: Person::Nobody("what the ratings of many have in common, without their names"),
        whole: Whole::Delete,
        settled: None,
    },
];
