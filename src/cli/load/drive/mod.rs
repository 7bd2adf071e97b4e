//! When users do what: plans, arrivals, stages.

pub mod arrivals;
pub mod knee;
pub mod plan;
pub mod stage;
pub mod tally;
