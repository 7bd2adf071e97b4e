//! Sending a request again without creating anything twice.
//!
//! A client names its request with the header `Idempotency-Key`. The answer is kept under that name
//! in the transaction that creates the thing, so that the two are there together or not at all:
//! [`store::claim`] at its beginning, [`store::keep`] at its end. A request that fails keeps
//! nothing and can be sent again with the same key.
//!
//! A request that calls a model takes longer than a transaction may be open. It reserves its key
//! first ([`store::reserve`]), and completes or releases the reservation at its end. One whose
//! process was lost expires.

pub mod error;
pub mod extract;
pub mod model;
pub mod store;
pub mod tables;
