//! Telemetry of clients and errors of this server: events, errors, measurements.
//!
//! A batch is received by [`extract`] within memory limits and parsed by [`parse`], each event by itself;
//! [`sanitize`] removes secrets. It waits in [`service`] until [`writer`] has committed it together with other
//! batches. Errors are grouped by their [`fingerprint`].

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
pub mod measurements;
pub mod messages;
pub mod model;
pub mod non_finite;
pub mod parse;
pub mod rates;
pub mod routes;
pub mod rows;
pub mod sanitize;
pub mod service;
pub mod store;
pub mod tables;
pub mod writer;
