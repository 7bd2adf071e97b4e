//! Erased people and organisations: a token that was issued before its person was erased is refused.
//!
//! Erased names are kept as hashes, since a list of names would be the very data that an erasure is to
//! destroy. Every process knows all of them, so that a request costs a look into memory.

pub mod model;
pub mod service;
pub mod store;
pub mod tables;
