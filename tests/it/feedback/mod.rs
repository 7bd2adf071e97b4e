//! Feedback: what is rated, what it teaches, and what becomes of it.

mod aftermath;
mod applying;
mod generations;
