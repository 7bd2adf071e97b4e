//! Erased people and organisations: a token that was issued before its person was erased is refused.
//!
//! Who was erased is kept as a hash, since a list of names would be what erasing is to destroy. Every
//! process knows all of them, so that a request costs a look into memory.

pub mod model;
pub mod service;
pub mod store;
pub mod tables;
