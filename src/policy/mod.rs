//! The policy: every tool call is judged before it runs.
//!
//! A judgement is [`model::Verdict::Allow`], `Ask` or `Forbid`, with the reasons. [`shell`] parses
//! commands, [`judge`] walks through all that a command would run and finds facts, and [`rules`] gives a
//! fact, a program or a file its meaning; the strictest rule wins, and doubt asks. [`scope`] is the scope
//! of a lasting answer. [`wall`] is about the sandbox around commands: the commands that may run unasked
//! within it, and the needs of a call beyond it. Start at [`service::Policy`].

pub mod error;
pub mod explain;
pub mod judge;
pub mod kill;
pub mod matcher;
pub mod model;
pub mod paths;
pub mod reach;
pub mod request;
pub mod rule;
pub mod rules;
pub mod scope;
pub mod secret_files;
pub mod service;
pub mod shell;
pub mod variables;
pub mod wall;
