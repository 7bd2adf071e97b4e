//! Feedback: what is rated, what it teaches, and what becomes of it.

mod analyzing;
mod effects;
mod generations;
mod grouping;
mod rated;
