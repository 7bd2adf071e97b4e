//! Sending a request again without creating anything twice.
//!
//! A client names its request with the header `Idempotency-Key`. The answer is kept under that name
//! in the transaction that creates the thing, so that the two are there together or not at all:
//! [`store::claim`] at its beginning, [`store::keep`] at its end. A request that fails keeps
//! nothing and can be sent again with the same key.

pub mod error;
pub mod extract;
pub mod kept;
pub mod model;
pub mod store;
