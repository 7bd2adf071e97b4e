//! The settings of a command, with what the process found around it, and logging as they say.

use std::fs::File;
use std::sync::Mutex;

use crate::cli::config::warnings::slips;
use crate::cli::failure::Failure;
use crate::cli::serve;
use crate::cli::terminal::log_file;
use crate::cli::terminal::log_file::WatchedLog;
use crate::config::environment::Surroundings;
use crate::config::found;
use crate::config::found::GivenSettings;
use crate::config::settings::Config;
use crate::llm::script::Script;
use crate::platform::database::servers::Servers;
use crate::platform::embedded_postgres::server::EmbeddedPostgres;
use crate::platform::logging;

/// A command's own flags with all settings.
#[derive(Debug, clap::Args)]
pub struct With<A: clap::Args> {
    /// Its own.
    #[command(flatten)]
    pub args: A,
    /// The settings.
    #[command(flatten)]
    pub config: Config,
}

/// The settings of a command in a terminal: unless they say otherwise, only trouble is logged.
pub fn quietly(config: Config, given: GivenSettings) -> Result<Config, Failure> {
    spoken(quiet(config), given)
}

/// The settings of a command that ends by itself, with a warning of each variable that is nearly one of them: a
/// server warns of more at its start, and `navi config check` lists all.
pub fn spoken(config: Config, given: GivenSettings) -> Result<Config, Failure> {
    let config = settled(config, given)?;
    warn_of_slips(&config);
    Ok(config)
}

/// The same for commands whose work is watched live: on a terminal, lines of the log would cut into what is
/// shown, so they go into a file.
pub fn watched(
    config: Config,
    given: GivenSettings,
    is_live: bool,
) -> Result<(Config, WatchedLog), Failure> {
    let config = found_around(quiet(config), given)?;
    let (log, file) = log_file::open(&config, is_live).unzip();
    logged(&config, file.map(Mutex::new))?;
    warn_of_slips(&config);
    Ok((config, log.unwrap_or_default()))
}

fn warn_of_slips(config: &Config) {
    for slip in slips(config) {
        tracing::warn!("{slip}");
    }
}

fn quiet(mut config: Config) -> Config {
    if config.log.log_level == logging::DEFAULT_LEVEL {
        "warn".clone_into(&mut config.log.log_level);
    }
    config
}

/// The settings with their surroundings, and logging as they say.
pub fn settled(config: Config, given: GivenSettings) -> Result<Config, Failure> {
    let config = found_around(config, given)?;
    logged(&config, None)?;
    Ok(config)
}

fn found_around(mut config: Config, given: GivenSettings) -> Result<Config, Failure> {
    config.surroundings = Surroundings {
        settings: given.settings,
        secret_files: given.secret_files,
        ..Surroundings::capture()
    };
    if let Some(path) = &config.llm.script {
        let script = Script::read(path).map_err(|reason| Failure::Script {
            path: path.clone(),
            reason,
        });
        config.play(script?);
    }
    Ok(config)
}

fn logged(config: &Config, file: Option<Mutex<File>>) -> Result<(), Failure> {
    let secrets = found::secrets(&config.surroundings.settings);
    let is_traced = config.traces.endpoint().is_some();
    Ok(logging::init(&config.log, secrets, file, is_traced)?)
}

/// The database of a command that looks after one. Who forgot the settings is told which it is.
pub async fn told_database(
    config: &Config,
) -> Result<(Servers, Option<EmbeddedPostgres>), Failure> {
    let found = serve::database(config).await?;
    if found.1.is_some() {
        let folder = config.data_dir()?;
        tracing::warn!(
            folder = %folder.display(),
            "DATABASE_URL is not set, so this is the private database of the data folder"
        );
    }
    Ok(found)
}
