//! Reviews of working changes, over real repositories.

mod changes;
mod faults;
mod hostile;
pub(crate) mod repository;
