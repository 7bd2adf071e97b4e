//! Measures: kinds of action, moments of each, and the distribution of their times.

pub mod acknowledged;
pub mod call_tally;
pub mod histogram;
pub mod kind;
