//! The one door for outbound HTTP: time limits, no redirects, no way into private networks.
//!
//! A [`client::Client`] reaches public addresses, and beyond them only what its [`reach::Reach`] names, because
//! a base URL in the settings is the operator's own word while a host name in a request may be
//! anybody's. Names are resolved here and the connection goes to the very addresses that were
//! checked, so an answer that changes between check and use (DNS rebinding) changes nothing.

pub mod address;
pub mod client;
pub mod error;
pub mod reach;
pub mod tls;
