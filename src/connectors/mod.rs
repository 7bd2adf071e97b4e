//! GitHub, Jira and Slack.

pub mod config;
