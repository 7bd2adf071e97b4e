//! What clients report about themselves, and what went wrong on this side: events, errors,
//! measurements.
//!
//! A batch comes through [`extract`] (let in, bounded), is read by [`parse`] (each event by itself,
//! without secrets by [`sanitize`]), and waits in [`service`] until [`writer`] has committed it together
//! with what came at the same time. Errors are grouped by their [`fingerprint`].

pub mod anonymize;
pub mod cardinality;
pub mod client_metrics;
pub mod config;
pub mod error;
pub mod errors;
pub mod extract;
pub mod fields;
pub mod fingerprint;
pub mod flush;
pub mod kept;
pub mod measurements;
pub mod model;
pub mod non_finite;
pub mod parse;
pub mod rates;
pub mod routes;
pub mod rows;
pub mod sanitize;
pub mod service;
pub mod store;
pub mod writer;
