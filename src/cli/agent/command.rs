//! `navi agent`: which of its commands.

use std::process::ExitCode;

use crate::cli::agent::past::list::ListRunsArgs;
use crate::cli::agent::past::resume::ResumeRunArgs;
use crate::cli::agent::past::show::ShowRunArgs;
use crate::cli::agent::past::{list, resume, show};
use crate::cli::agent::run;
use crate::cli::failure::Failure;
use crate::cli::settled::With;
use crate::config::settings::Config;

/// `navi agent`.
#[derive(Debug, clap::Args)]
pub struct AgentCommand {
    #[command(subcommand)]
    command: AgentCommands,
}

#[derive(Debug, clap::Subcommand)]
enum AgentCommands {
    /// Do a task in a folder, and show how.
    Run(Box<With<run::Args>>),
    /// Go on with a run that waits, was lost or was left.
    Resume(Box<With<ResumeRunArgs>>),
    /// List the runs that were begun, newest first.
    List(Box<With<ListRunsArgs>>),
    /// Show a run once more: its task, what it did, how it ended.
    Show(Box<With<ShowRunArgs>>),
}

/// One of the commands.
#[derive(Debug)]
pub enum AgentWork {
    /// `run`.
    Run(run::Args),
    /// `resume`.
    Resume(ResumeRunArgs),
    /// `list`.
    List(ListRunsArgs),
    /// `show`.
    Show(ShowRunArgs),
}

impl AgentCommand {
    /// The command, and the settings.
    pub fn split(self) -> (AgentWork, Config) {
        match self.command {
            AgentCommands::Run(with) => (AgentWork::Run(with.args), with.config),
            AgentCommands::Resume(with) => (AgentWork::Resume(with.args), with.config),
            AgentCommands::List(with) => (AgentWork::List(with.args), with.config),
            AgentCommands::Show(with) => (AgentWork::Show(with.args), with.config),
        }
    }
}

impl AgentWork {
    /// True if a run is watched as it goes on.
    pub fn is_live(&self) -> bool {
        match self {
            Self::Run(args) => !args.work.json,
            Self::Resume(args) => !args.work.json,
            Self::List(_) | Self::Show(_) => false,
        }
    }

    /// Runs it.
    pub async fn run(&self, config: Config) -> Result<ExitCode, Failure> {
        match self {
            Self::Run(args) => Box::pin(run::run(args, config)).await,
            Self::Resume(args) => Box::pin(resume::run(args, config)).await,
            Self::List(args) => Box::pin(list::run(args, config)).await,
            Self::Show(args) => Box::pin(show::run(args, config)).await,
        }
    }
}
