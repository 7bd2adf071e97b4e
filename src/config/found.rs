//! The settings as they were found, for the audit log.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{ArgMatches, Args, Command};

use crate::audit::settings::Setting;
use crate::config::secret_files::is_secret;
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::metrics::Metrics;
use crate::platform::redact::known::KnownSecrets;
use crate::platform::secret::SecretString;
use crate::platform::tasks::Tasks;
use crate::platform::traces::error::TracesError;
use crate::platform::traces::service::{TracedProcess, Traces};

/// The settings that a command was given.
#[derive(Clone, Debug, Default)]
pub struct GivenSettings {
    /// Every setting that has a value, by the name of its variable.
    pub settings: BTreeMap<String, Setting>,
    /// Files that hold secrets.
    pub secret_files: Vec<PathBuf>,
}

/// Every setting that has a value, by the name of its variable, from the command that was called.
pub fn settings(matches: &ArgMatches) -> BTreeMap<String, Setting> {
    let mut leaf = matches;
    while let Some((_, deeper)) = leaf.subcommand() {
        leaf = deeper;
    }
    let mut found = BTreeMap::new();
    for arg in Config::augment_args(Command::new("navi")).get_arguments() {
        let (Some(variable), Ok(Some(values))) =
            (arg.get_env(), leaf.try_get_raw(arg.get_id().as_str()))
        else {
            continue;
        };
        let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
        let value = values.join(",");
        let setting = if is_secret(arg) {
            Setting::Secret(SecretString::from(value))
        } else {
            Setting::Plain(value)
        };
        found.insert(variable.to_string_lossy().into_owned(), setting);
    }
    found
}

/// The settings among these that are secrets.
pub fn secrets(settings: &BTreeMap<String, Setting>) -> KnownSecrets {
    KnownSecrets::new(settings.values().filter_map(|setting| match setting {
        Setting::Secret(secret) => Some(secret),
        Setting::Plain(_) => None,
    }))
}

impl Config {
    /// Starts to send traces, if these settings say where to.
    pub fn open_traces(
        &self,
        metrics: &Metrics,
        clock: &Clock,
        tasks: &Tasks,
    ) -> Result<Traces, TracesError> {
        let around = TracedProcess {
            environment: self.app_env.as_str(),
            secrets: secrets(&self.surroundings.settings),
            metrics: metrics.clone(),
            clock,
            tasks,
        };
        Traces::open(&self.traces, around)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_type() {
        let command =
            Config::augment_args(Command::new("navi")).mut_args(|arg| arg.env(None::<&str>));
        // Without variables nothing is named; the second command has them and the same ids.
        let flags = ["navi", "--jwt-secret", "hidden", "--log-level", "debug"];
        let found = settings(&command.try_get_matches_from(flags).unwrap());
        assert!(matches!(found["JWT_SECRET"], Setting::Secret(_)));
        assert!(matches!(&found["LOG_LEVEL"], Setting::Plain(level) if level == "debug"));
        assert!(!format!("{found:?}").contains("hidden"));
    }

    #[test]
    fn whatever_is_named_like_a_secret_is_one() {
        for arg in Config::augment_args(Command::new("navi")).get_arguments() {
            let variable = arg
                .get_env()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let named = [
                "SECRET",
                "_KEY",
                "KEYS_PREVIOUS",
                "PASSWORD",
                "DATABASE_URL",
            ]
            .iter()
            .any(|part| variable.ends_with(part) || variable.ends_with("SECRET_PREVIOUS"));
            // These name keys that KMS keeps.
            let names_a_key = variable.starts_with("TOKEN_ENCRYPTION_KEY");
            assert!(!named || is_secret(arg) || names_a_key, "{variable}");
        }
    }
}
