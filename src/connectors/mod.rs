//! Connectors: the tokens with which NAVI may act for a person at GitHub, Jira and Slack.
//!
//! A token is verified with its provider where that can be reached, sealed on the way in, never given
//! out again, and opened in one method only. Start at [`service::Connectors`].

pub mod config;
pub mod error;
pub mod model;
pub mod panel;
pub mod provider;
pub mod rewrap;
pub mod routes;
pub mod service;
pub mod store;
pub mod tables;
pub mod view;
