//! Tests against the real thing: one binary, a module for each slice.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first surprise; helpers are tests too"
)]

mod attacks;
mod audit;
mod auth;
mod binding;
mod bodies;
mod bounds;
mod browsers;
mod clients;
mod config;
mod connectors;
mod consents;
mod conversations;
mod database;
mod departures;
mod deploying;
mod doctor;
mod documents;
mod durable;
mod e2e;
mod egress;
mod embedded_postgres;
mod ending;
mod explaining;
mod feedback;
mod guard;
mod help;
mod http;
mod idempotency;
mod jobs;
mod ledger;
mod lifecycle;
mod llm_calls;
mod llm_dialects;
mod llm_mixed;
mod llm_refusals;
mod llm_requests;
mod llm_routing;
mod llm_scripted;
mod llm_served;
mod llm_streams;
mod llm_support;
mod load;
mod matrix;
mod migrations;
mod needs;
mod notices;
mod old_clients;
mod operations;
mod planning;
mod policy;
mod redaction;
mod responses;
mod retrieval;
mod review;
mod runs;
mod sandbox;
mod secrets;
mod served;
mod support;
mod telemetry;
mod terminal;
mod thread;
mod tokens;
mod tools;
mod tracing;
mod trust;
mod vault;
mod verify;
mod workspaces;
