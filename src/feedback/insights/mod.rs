//! Insights for the users of an organisation: reading, activating, retiring and rewording them.
//!
//! The analyzer creates insights and measures their effects. It does not undo an administrator's decision.

pub mod error;
pub mod model;
pub mod routes;
pub mod service;
pub mod store;
pub mod view;
