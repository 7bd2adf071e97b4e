//! Runs that outlive their process: real servers that are killed, stopped, cut off and started again.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]

mod fences;
mod instructions;
mod kills;
mod neighbours;
mod outages;
mod person;
mod predecessors;
