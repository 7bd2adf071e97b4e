//! Feedback: what is rated, what it teaches, and what becomes of it.

mod generations;
mod insights;
pub(crate) mod running;
