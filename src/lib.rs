//! NAVI: the backend of an autonomous engineering assistant, one binary over Postgres.
//!
//! The modules stand in the order in which they may import each other, lowest floor first;
//! `tests/architecture/` holds the same picture and fails when the code leaves it.

pub mod platform;

pub mod auth;
pub mod exec;
pub mod llm;
pub mod policy;
pub mod vault;
pub mod workspace;

pub mod audit;
pub mod connectors;
pub mod feedback;
pub mod git;
pub mod ledger;
pub mod notices;
pub mod retrieval;
pub mod telemetry;

pub mod approvals;
pub mod conversations;
pub mod tools;
pub mod workspaces;

pub mod runs;
pub mod verify;

pub mod agent;

pub mod jobs;
pub mod review;

pub mod app;
pub mod config;
pub mod lifecycle;

pub mod http;

pub mod cli;
