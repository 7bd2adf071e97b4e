//! Reviews of working changes, over real repositories.

#![expect(clippy::panic, reason = "a test stops at the first surprise")]

mod changes;
mod faults;
mod hostile;
mod repository;
