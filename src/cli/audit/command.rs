//! Which of the commands runs, and what it runs over.

use std::io::Write;
use std::process::ExitCode;

use crate::cli::audit::opened::Log;
use crate::cli::audit::{adopt, decrypt, export, list, opened, verify};
use crate::cli::failure::Failure;
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::database::servers::Servers;

/// The work of a `navi audit` command.
#[derive(Debug)]
pub enum Work {
    /// `navi audit verify`.
    Verify(verify::Args),
    /// `navi audit list`.
    List(list::Args),
    /// `navi audit decrypt`.
    Decrypt(decrypt::Args),
    /// `navi audit export`.
    Export(export::Args),
    /// `navi audit adopt`.
    Adopt(adopt::AdoptArgs),
}

impl Work {
    /// True if this needs no database.
    pub fn is_offline(&self) -> bool {
        match self {
            Self::Verify(args) => args.export.is_some(),
            Self::Decrypt(args) => args.original.is_some(),
            Self::List(_) | Self::Export(_) | Self::Adopt(_) => false,
        }
    }

    /// Runs what needs no database.
    pub fn run_offline(
        &self,
        config: &Config,
        out: &mut (dyn Write + Send),
    ) -> Result<ExitCode, Failure> {
        match self {
            Self::Verify(args) => verify::offline(args, config, out),
            Self::Decrypt(args) => decrypt::original(args, config, out),
            Self::List(_) | Self::Export(_) | Self::Adopt(_) => Ok(ExitCode::SUCCESS),
        }
    }

    /// Runs over this database.
    pub async fn run(
        &self,
        config: &Config,
        database: &Servers,
        out: &mut (dyn Write + Send),
    ) -> Result<ExitCode, Failure> {
        let log: Log = match self {
            // These go through whole logs.
            Self::Verify(_) | Self::Adopt(_) => {
                opened::open_at_length(config, database, &Clock::System).await?
            }
            Self::List(_) | Self::Decrypt(_) | Self::Export(_) => {
                opened::open(config, database, &Clock::System).await?
            }
        };
        let outcome = match self {
            Self::Verify(args) => verify::run(args, config, &log.audit, out).await,
            Self::List(args) => list::run(args, &log.audit, out).await,
            Self::Decrypt(args) => decrypt::run(args, &log.audit, out).await,
            Self::Export(args) => export::run(args, &log.audit, out).await,
            Self::Adopt(args) => adopt::run(args, config, &log.audit, out).await,
        };
        log.close().await;
        outcome
    }
}
