//! The identity of the caller.
//!
//! Identity comes from a verified bearer token and from nowhere else: never from a body, a query
//! or another header. The one exception is a [`ticket`], which was given out for a token and opens one
//! stream; and on a developer's own machine [`development`] may lend an identity to requests without a
//! token. [`layer`] verifies once per request, [`principal::Principal`] and its stricter wrappers are
//! extractors, so a handler's signature says who may call it. [`token`] is where tokens are verified
//! and minted; [`jws`] and [`claims`] are its two halves, [`refusal`] says why one was turned away. [`key_store`] holds the keys of an identity
//! provider. [`orgs`] shows the caller's organisation. [`erased`] knows whose tokens are good no more.

pub mod address;
pub mod claims;
pub mod config;
pub mod development;
pub mod erased;
pub mod jwks;
pub mod jws;
pub mod key_store;
pub mod layer;
pub mod orgs;
pub mod principal;
pub mod rate_limit;
pub mod refusal;
pub mod routes;
pub mod seen;
pub mod ticket;
pub mod token;
