//! The words of a repository to those who work in it: instructions and skills.
//!
//! They are read through the doors that tools go through, within bounds, and never decide what may run: the
//! policy does not look at them. What cannot be read is left out and said so; no run fails because of it.

pub mod folders;
pub mod front_matter;
pub mod model;
pub mod reader;
pub mod root;
pub mod skills;
