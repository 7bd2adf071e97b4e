//! Consents: what a person allows the agent to do.
//!
//! A call that needs a person's word becomes a row that waits. The row is answered at most once and
//! used at most once, for the very action it was asked about. Who does not want to be asked again
//! leaves a preference, which holds for their own runs in the same workspace. Every decision,
//! whoever or whatever made it, has its line in the audit log, written in the transaction of the
//! decision. Start at [`service::Consents`].

pub mod error;
pub mod model;
pub mod preferences;
pub mod routes;
pub mod service;
pub mod shown;
pub mod store;
