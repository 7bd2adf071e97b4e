//! The clients of the original, which cannot be changed any more: their requests, and what they make of
//! the answers.

mod conversations;
mod end_to_end;
mod events;
mod missing;
mod organisations;
mod panel;
mod pieces;
mod recorded;
mod security;
mod unbuilt;
mod undo;
