//! The wall around commands: what may run unasked within it, and what a call needs beyond it. How it
//! is built is known elsewhere.

pub mod setting;
pub mod widening;
pub mod wishes;
