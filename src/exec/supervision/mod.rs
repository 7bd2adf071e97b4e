//! The process between us and a command, and what it knows of its descendants.
//!
//! [`supervisor`] ends what a command started; [`record`] notes how far it came, [`descendants`] finds
//! its processes, [`watch`] how much they use, and [`sweep`] those that were left by a supervisor which was killed itself.

pub mod descendants;
pub mod record;
pub mod spares;
pub mod supervisor;
pub mod sweep;
pub mod watch;
