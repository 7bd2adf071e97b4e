//! Placing ratings, many in one commit.

pub mod lanes;
pub mod together;
