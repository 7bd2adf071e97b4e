//! Every setting: a flag, an environment variable, a sentence.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::agent::config::AgentConfig;
use crate::audit;
use crate::audit::config::AuditConfig;
use crate::audit::keyring::{Keyring, development_key};
use crate::audit::witnessing::witness::Witness;
use crate::auth::config::AuthConfig;
use crate::config::bind::BindAddress;
use crate::config::browsers::BrowserConfig;
use crate::config::database::DatabaseConfig;
use crate::config::environment::Surroundings;
use crate::connectors::config::ConnectorConfig;
use crate::exec::sandbox::settings::Demand;
use crate::exec::sandbox::settings::SandboxConfig;
use crate::feedback::config::{FeedbackConfig, LearningConfig};
use crate::lifecycle::config::RetentionConfig;
use crate::lifecycle::model::Periods;
use crate::llm::config::LlmConfig;
use crate::llm::provider::Provider;
use crate::llm::script::Script;
use crate::llm::scripted::ScriptedProvider;
use crate::notices::config::NoticeConfig;
use crate::platform::logging::LogConfig;
use crate::platform::secret::{ExposeSecret, SecretString};
use crate::platform::secret_file;
use crate::platform::traces::config::TraceConfig;
use crate::telemetry::config::TelemetryConfig;
use crate::vault::config::{DevelopmentKey, KeyError, VaultConfig};
use crate::vault::service::{Keys, Limits, Vault};
use crate::workspaces::territory::WorkspaceRules;

/// All settings of a process.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// Where this server runs: development, staging or production (dev, stage and prod are
    /// understood too).
    ///
    /// Anything else counts as production, so that a slip of the pen never weakens a server.
    #[arg(
        long,
        env = "APP_ENV",
        value_name = "NAME",
        default_value = "development",
        help_heading = "General"
    )]
    pub app_env: AppEnv,

    /// The server.
    #[command(flatten)]
    pub server: ServerConfig,

    /// Pages in browsers.
    #[command(flatten)]
    pub browsers: BrowserConfig,

    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,

    /// Authentication.
    #[command(flatten)]
    pub auth: AuthConfig,

    /// The audit log.
    #[command(flatten)]
    pub audit: AuditConfig,

    /// The vault.
    #[command(flatten)]
    pub vault: VaultConfig,

    /// The connectors.
    #[command(flatten)]
    pub connectors: ConnectorConfig,

    /// Notices.
    #[command(flatten)]
    pub notices: NoticeConfig,

    /// Telemetry.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,

    /// Feedback.
    #[command(flatten)]
    pub feedback: FeedbackConfig,
    /// Learning from ratings.
    #[command(flatten)]
    pub learning: LearningConfig,

    /// The models.
    #[command(flatten)]
    pub llm: LlmConfig,

    /// The agent's limits.
    #[command(flatten)]
    pub agent: AgentConfig,

    /// The wall around commands.
    #[command(flatten)]
    pub sandbox: SandboxConfig,

    /// The retention of rows.
    #[command(flatten)]
    pub retention: RetentionConfig,

    /// The log.
    #[command(flatten)]
    pub log: LogConfig,

    /// The traces.
    #[command(flatten)]
    pub traces: TraceConfig,

    /// Answers as the provider `scripted`; for the demo and for tests, no setting.
    #[arg(skip)]
    pub scripted: Option<Arc<dyn Provider>>,

    /// The environment of the process; not a setting.
    #[arg(skip)]
    pub surroundings: Surroundings,
}

/// The server's address and patience.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 takes any free one.
    ///
    /// `localhost:8787` is both loopback addresses, `:8787` every address of this machine, IPv4 and
    /// IPv6; an IPv6 address stands in brackets, as in `[::1]:8787`.
    #[arg(
        long,
        env = "NAVI_BIND",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8787"
    )]
    pub bind: BindAddress,

    /// Seconds that requests in flight and background work get to end after SIGTERM.
    #[arg(
        long,
        env = "NAVI_SHUTDOWN_GRACE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 25
    )]
    pub shutdown_grace_seconds: u64,

    /// Changing requests that one person may make in a minute; 0 means any number.
    #[arg(
        long,
        env = "NAVI_WRITES_PER_MINUTE",
        value_name = "COUNT",
        default_value_t = 300
    )]
    pub writes_per_minute: u32,
}

impl ServerConfig {
    /// The longest that the shutdown may take.
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds)
    }
}

/// Where a server runs; decides which rules it must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppEnv {
    /// A developer's machine.
    Development,
    /// A rehearsal.
    Staging,
    /// The real thing.
    Production,
}

impl AppEnv {
    const NAMES: [(&'static str, Self); 6] = [
        ("development", Self::Development),
        ("dev", Self::Development),
        ("staging", Self::Staging),
        ("stage", Self::Staging),
        ("production", Self::Production),
        ("prod", Self::Production),
    ];

    /// The names of environments; any other stands for production.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(name, _)| *name)
    }

    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }

    /// The demand for a wall around commands.
    pub fn demand(self) -> Demand {
        match self {
            Self::Development => Demand::Wanted,
            Self::Staging | Self::Production => Demand::Required,
        }
    }
}

impl fmt::Display for AppEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AppEnv {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.trim().to_ascii_lowercase();
        let named = Self::NAMES.iter().find(|(name, _)| *name == text);
        Ok(named.map_or(Self::Production, |(_, environment)| *environment))
    }
}

/// There is no place for the data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no home folder to store data in; set NAVI_DATA_DIR")]
pub struct NoDataDir;

/// Why there is no signing secret.
#[derive(Debug, thiserror::Error)]
pub enum SigningSecretError {
    /// Neither a secret nor a place to make one.
    #[error(transparent)]
    NoDataDir(#[from] NoDataDir),
    /// The development secret could not be kept.
    #[error(transparent)]
    File(#[from] secret_file::SecretFileError),
    /// Outside development nothing is made up.
    #[error("JWT_SECRET is required outside development; `navi keys generate jwt` makes one")]
    Required,
    /// The identity provider signs the tokens, and nothing is made up beside it.
    #[error("JWT_SECRET is not set, and tokens are issued by the identity provider")]
    Elsewhere,
}

impl Config {
    /// Settings from flags alone, with an empty environment: what tests and in-process servers use.
    pub fn from_flags<'a>(flags: impl IntoIterator<Item = &'a str>) -> Result<Self, clap::Error> {
        let command =
            Self::augment_args(Command::new("navi")).mut_args(|arg| arg.env(None::<&str>));
        let matches: ArgMatches =
            command.try_get_matches_from(std::iter::once("navi").chain(flags))?;
        Self::from_arg_matches(&matches)
    }

    /// Has a script answer as the provider `scripted`.
    pub fn play(&mut self, script: Script) {
        self.scripted = Some(Arc::new(ScriptedProvider::new(script)));
    }

    /// For how many days rows are kept.
    pub fn periods(&self) -> Periods {
        Periods::of(&self.agent, &self.audit, &self.retention)
    }

    /// Where workspaces may lie, and where none may.
    pub fn workspace_rules(&self) -> WorkspaceRules {
        let secrets = self.surroundings.secret_files.iter().cloned();
        WorkspaceRules {
            roots: self.agent.workspace_roots.clone().unwrap_or_default(),
            closed: self.data_dir().into_iter().chain(secrets).collect(),
        }
    }

    /// Where the private Postgres and the development secret live.
    pub fn data_dir(&self) -> Result<PathBuf, NoDataDir> {
        if let Some(folder) = &self.database.data_dir {
            return Ok(folder.clone());
        }
        let around = &self.surroundings;
        // As root, Postgres runs as another user, who could not enter root's home.
        if around.root {
            return Ok(PathBuf::from("/var/lib/navi"));
        }
        let share = around
            .xdg_data_home
            .clone()
            .or_else(|| Some(around.home.as_ref()?.join(".local/share")));
        share.map(|share| share.join("navi")).ok_or(NoDataDir)
    }

    /// The secret that signs tokens; in development made on first use, unless an identity provider
    /// signs them.
    pub fn signing_secret(&self) -> Result<SecretString, SigningSecretError> {
        match (&self.auth.jwt_secret, self.app_env) {
            (Some(secret), _) => Ok(secret.clone()),
            (None, _) if self.auth.identity_provider().is_some() => {
                Err(SigningSecretError::Elsewhere)
            }
            (None, AppEnv::Development) => Ok(secret_file::development_secret(
                &self.data_dir()?,
                "jwt_secret",
            )?),
            (None, AppEnv::Staging | AppEnv::Production) => Err(SigningSecretError::Required),
        }
    }

    /// The vault that seals secrets: KMS where it is configured. Else, in development, a key that is made
    /// on first use; in staging, the key that was set; in production, none.
    pub async fn vault(&self) -> Result<Vault, KeyError> {
        let folder = self.data_dir();
        let development = match (self.app_env, &folder) {
            (AppEnv::Production, _) => DevelopmentKey::Never,
            (AppEnv::Development, Ok(folder)) => DevelopmentKey::Made(folder),
            (AppEnv::Development, Err(_)) | (AppEnv::Staging, _) => DevelopmentKey::Set,
        };
        Ok(Vault::new(
            Keys::of(&self.vault, development).await?,
            Limits::default(),
        ))
    }
}

/// Why there are no audit keys.
#[derive(Debug, thiserror::Error)]
pub enum AuditKeysError {
    /// Neither a key nor a place to make one.
    #[error(transparent)]
    NoDataDir(#[from] NoDataDir),
    /// The development key could not be kept.
    #[error(transparent)]
    File(#[from] secret_file::SecretFileError),
    /// Outside development nothing is made up.
    #[error(
        "AUDIT_ENCRYPTION_KEY is required outside development; make one with `navi keys generate audit`"
    )]
    Required,
    /// A key is none.
    #[error(transparent)]
    Keyring(#[from] audit::error::Error),
}

impl Config {
    /// The keys of the audit log; in development the present one is made on first use.
    pub fn audit_keys(&self) -> Result<Keyring, AuditKeysError> {
        let (key, made_up) = match (&self.audit.audit_encryption_key, self.app_env) {
            (Some(key), _) => (key.clone(), false),
            (None, AppEnv::Development) => (self.development_audit_key()?, true),
            (None, AppEnv::Staging | AppEnv::Production) => return Err(AuditKeysError::Required),
        };
        let mut ring = Keyring::new(&self.audit, key.expose_secret(), made_up)?;
        if made_up {
            for secret in self.auth.previous_secrets() {
                ring.remember_development(&development_key(secret))?;
            }
        }
        Ok(ring)
    }

    /// The file of the data folder, if there is one; else derived from the secret that signs tokens. Only
    /// without that a file is made: another data folder would have another key.
    fn development_audit_key(&self) -> Result<SecretString, AuditKeysError> {
        const FILE: &str = "audit_encryption_key";
        let folder = self.data_dir()?;
        match &self.auth.jwt_secret {
            Some(secret) if !folder.join(FILE).exists() => {
                Ok(development_key(secret.expose_secret()))
            }
            Some(_) | None => Ok(secret_file::development_secret(&folder, FILE)?),
        }
    }

    /// Where checkpoints of audit logs are kept beside the database.
    pub fn audit_witness(&self) -> Witness {
        let folder = self.data_dir().ok();
        let folder = folder.map(|folder| folder.join("audit-checkpoints"));
        Witness::new(folder, self.audit.audit_witness_file.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRONG: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn config(flags: &[&str]) -> Config {
        Config::from_flags(flags.iter().copied()).unwrap()
    }

    #[test]
    fn an_unknown_environment_counts_as_production() {
        for (text, expected) in [
            ("dev", AppEnv::Development),
            (" Development ", AppEnv::Development),
            ("stage", AppEnv::Staging),
            ("STAGING", AppEnv::Staging),
            ("prod", AppEnv::Production),
            ("production", AppEnv::Production),
            ("devel", AppEnv::Production),
            ("test", AppEnv::Production),
            ("", AppEnv::Production),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn no_secret_is_made_up_outside_development() {
        let config = config(&["--app-env", "staging"]);
        assert!(matches!(
            config.signing_secret(),
            Err(SigningSecretError::Required)
        ));
    }

    #[test]
    fn the_data_folder_follows_the_user() {
        let mut config = config(&[]);
        assert_eq!(config.data_dir(), Err(NoDataDir));
        config.surroundings.home = Some("/home/u".into());
        assert_eq!(config.data_dir(), Ok("/home/u/.local/share/navi".into()));
        config.surroundings.xdg_data_home = Some("/data/u".into());
        assert_eq!(config.data_dir(), Ok("/data/u/navi".into()));
        config.surroundings.root = true;
        assert_eq!(config.data_dir(), Ok("/var/lib/navi".into()));
        config.database.data_dir = Some("/else".into());
        assert_eq!(config.data_dir(), Ok("/else".into()));
    }

    #[test]
    fn what_is_printed_holds_no_secret() {
        let config = config(&[
            "--jwt-secret",
            STRONG,
            "--jwt-secret-previous",
            "older-secret",
            "--database-url",
            "postgres://u:hunter2@db.example/n",
        ]);
        let printed = format!("{config:?}");
        for secret in [STRONG, "older-secret", "hunter2"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }

    #[test]
    fn every_setting_has_a_sentence_a_flag_and_a_variable() {
        for arg in Config::augment_args(Command::new("navi")).get_arguments() {
            assert!(arg.get_help().is_some(), "{} has no help", arg.get_id());
            assert!(arg.get_long().is_some(), "{} has no flag", arg.get_id());
            assert!(arg.get_env().is_some(), "{} has no variable", arg.get_id());
        }
    }
}
