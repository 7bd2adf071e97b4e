//! The steps of a run: the plan, a turn, the verification.

pub mod objection;
pub mod offered;
pub mod patience;
pub mod plan;
pub mod same_calls;
pub mod spoken;
pub mod turn;
pub mod verification;
