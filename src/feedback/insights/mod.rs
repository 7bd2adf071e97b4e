//! What ratings taught, for the people of an organisation: reading it, and deciding about it.
//!
//! The analyzer makes insights and measures what they do. Here people look at them, and administrators
//! put one into prompts, take one out, or change its words. What an administrator decided the analyzer
//! does not undo.

pub mod error;
pub mod model;
pub mod routes;
pub mod service;
pub mod store;
pub mod view;
