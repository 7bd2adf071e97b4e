//! Feedback: what is rated, what it teaches, and what becomes of it.

mod aftermath;
mod analyzing;
mod applying;
mod bandit;
mod counts;
mod desk;
mod effects;
mod generations;
mod grouping;
mod insights;
mod rated;
mod reading;
pub(crate) mod running;
mod signals;
mod submitting;
pub(crate) mod sums;
