//! How long everything is kept, and how it is erased.

#![expect(clippy::panic, reason = "helpers are tests too")]

mod catalogue;
mod commands;
mod erasing;
mod filling;
mod retaining;
mod rollups;
