//! Knowledge of what providers serve, and of whether they answer.
//!
//! A [`list`] is asked of a provider without any cost, and [`lists`] asks those that are not known or were
//! asked long ago. [`standing`] remembers what the last call or question said of each,
//! and [`findings`] tells it to who looks after a machine.

pub mod findings;
pub mod list;
pub mod lists;
pub mod standing;
