//! The caller's organisation, for clients that let people choose one.
//!
//! A token belongs to one organisation, so the list has one entry. Organisations and their members
//! come from the identity provider and are not changed here.

pub mod routes;
