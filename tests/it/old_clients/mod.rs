//! The clients of the original, which cannot be changed any more: their requests, and what they make of
//! the answers.

mod conversations;
mod events;
mod pieces;
mod recorded;
mod undo;
