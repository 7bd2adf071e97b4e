//! The cost of calls to models.
//!
//! Start at [`service::Ledger`]: it prices every call to a model, counts it and writes it, without
//! making the call wait. Money is exact ([`money`]); prices are dated rows ([`prices`]); a cost
//! that is not known is absent, never zero and never a guess. `docs/ledger.md` works an example.

pub mod error;
pub mod model;
pub mod money;
pub mod prices;
pub mod service;
pub mod store;
pub mod tables;
