//! Who is asking.
//!
//! Identity comes from a verified bearer token and from nowhere else: never from a body, a query
//! or another header. [`layer`] verifies once per request, [`principal::Principal`] and its
//! stricter wrappers are extractors, so a handler's signature says who may call it. [`token`] is
//! where tokens are verified and minted.

pub mod layer;
pub mod principal;
pub mod rate_limit;
pub mod routes;
pub mod token;
