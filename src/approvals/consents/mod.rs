//! Consents: what a person allows the agent to do.
//!
//! A call that needs a human answer becomes a pending row. The row is answered at most once and used at
//! most once, for exactly the action that was shown. A user who does not want to be asked again leaves a
//! preference, which holds for their own runs in the same workspace. Every decision, made by a person or
//! by a rule, has its line in the audit log, written in the transaction of the decision. Start at
//! [`service::Consents`].

pub mod error;
pub mod model;
pub mod preferences;
pub mod routes;
pub mod service;
pub mod shown;
pub mod store;
