//! The table of erased names.

use crate::platform::tables::model::{Person, Stays, TablePolicy, Whole};

/// The tables of this slice.
pub const TABLES: &[TablePolicy] = &[TablePolicy {
    table: "erased_names",
    org: None,
    stays: Stays::Until("for ever: a token that was issued before may have no end"),
    sealed: &[],
    person: Person::Nobody("a hash and a time, by which a token of before is refused"),
    whole: Whole::Stays("hashes and times, by which tokens of before are refused"),
    settled: None,
}];
