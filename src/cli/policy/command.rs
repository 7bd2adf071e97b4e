//! `navi policy`: its commands and their settings.

use std::io::Write;
use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::policy::{explain, list_rules};
use crate::cli::settled::With;
use crate::config::settings::Config;

/// `navi policy`.
#[derive(Debug, clap::Args)]
pub struct PolicyCommand {
    #[command(subcommand)]
    command: PolicyCommands,
}

#[derive(Debug, clap::Subcommand)]
enum PolicyCommands {
    /// Say how a command is read, what becomes of it, and why. Runs nothing.
    Explain(Box<With<explain::ExplainArgs>>),
    /// List the rules, with the verdict of each.
    Rules(Box<With<list_rules::ListRulesArgs>>),
}

/// The work of one of the commands.
#[derive(Debug)]
pub enum PolicyWork {
    /// A command to explain.
    Explain(explain::ExplainArgs),
    /// The rules to list.
    Rules(list_rules::ListRulesArgs),
}

impl PolicyCommand {
    /// The work and the settings.
    pub fn split(self) -> (PolicyWork, Config) {
        match self.command {
            PolicyCommands::Explain(with) => (PolicyWork::Explain(with.args), with.config),
            PolicyCommands::Rules(with) => (PolicyWork::Rules(with.args), with.config),
        }
    }
}

impl PolicyWork {
    /// Does it; the answer goes to `out`.
    pub fn run(&self, config: &Config, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        match self {
            Self::Explain(args) => explain::run(args, config, out),
            Self::Rules(args) => list_rules::run(args, config, out),
        }
    }
}
