//! Feedback: what is rated, what it teaches, and what becomes of it.

mod aftermath;
mod applying;
mod bandit;
mod counts;
mod desk;
mod generations;
mod insights;
mod reading;
pub(crate) mod running;
mod signals;
mod submitting;
