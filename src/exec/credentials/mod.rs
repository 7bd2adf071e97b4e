//! Credentials for git that a person lends to one command: the signatures of an SSH agent, or a token.
//!
//! No key is read and none enters the sandbox: [`relay`] stands between the command and the agent, and
//! lets it sign only for the host that was named, which [`binding`] proves. [`tunnel`] is how `ssh` gets
//! out through the run's proxy. [`lent`] is what one command is given, of what [`outside`] a run may use.

mod binding;
mod known_hosts;
pub mod lent;
mod message;
pub mod outside;
mod relay;
pub mod settings;
pub mod tunnel;
mod variables;
