//! Retention of all data, and its erasure.

#![expect(clippy::panic, reason = "helpers are tests too")]

mod catalogue;
mod commands;
mod erasing;
mod filling;
mod retaining;
mod rollups;
