//! The workspaces of all organisations as a command uses them.

use crate::cli::audit::opened;
use crate::cli::audit::opened::Log;
use crate::cli::failure::Failure;
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::database::servers::Servers;
use crate::workspaces::service::Workspaces;

/// Opens the workspaces in a database, and the audit log that is to be closed behind them.
pub async fn open(config: &Config, database: &Servers) -> Result<(Workspaces, Log), Failure> {
    let log = opened::open(config, database, &Clock::System).await?;
    let (db, audit) = (log.db.clone(), log.audit.clone());
    let workspaces = Workspaces::new(db, Clock::System, audit, config.workspace_rules());
    Ok((workspaces, log))
}
