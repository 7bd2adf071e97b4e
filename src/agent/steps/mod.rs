//! The steps of a run: the plan, a turn, the verification.

pub mod patience;
pub mod plan;
pub mod turn;
pub mod verification;
