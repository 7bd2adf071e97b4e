//! Notices: tells other systems what happens in an organisation.
//!
//! An organisation registers webhooks. What happens is written for each of them in the transaction in which
//! it happens ([`store::outbox`]), so nothing is told that did not happen and nothing is forgotten. Every
//! server sends what is due ([`sending::dispatcher`]); a lease on the webhook keeps two from sending at once.
//! Start at [`service::Webhooks`].

pub mod address;
pub mod config;
pub mod costs;
pub mod error;
pub mod model;
pub mod notice;
pub mod rewrap;
pub mod routes;
pub mod sending;
pub mod service;
pub mod store;
pub mod tables;
pub mod telling;
pub mod view;
