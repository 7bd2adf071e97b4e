//! Why a command failed, and the exit code that says so.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::app::BuildError;
use crate::auth::token::MintError;
use crate::cli::beacon::FoundServer;
use crate::cli::migrate;
use crate::config::bind::BindAddress;
use crate::config::database::NoDirectUrl;
use crate::config::production::Refused;
use crate::config::secret_files::UnusableFile;
use crate::config::settings::{AuditKeysError, NoDataDir, SigningSecretError};
use crate::feedback::learning;
use crate::platform::database::address::DatabaseAddress;
use crate::platform::database::servers::Servers;
use crate::platform::database::spelling::AddressError;
use crate::platform::ids::RunId;
use crate::platform::logging::LoggingError;
use crate::platform::outbound::error::OutboundError;
use crate::platform::{db, embedded_postgres};
use crate::vault::envelope::NoRandomness;
use crate::{audit, ledger, lifecycle, vault, workspaces};

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings break rules of production.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A setting is no address of a database; the password that it may hold is not said.
    #[error("{setting} {error}")]
    DatabaseUrl {
        /// The setting.
        setting: &'static str,
        /// The fault.
        error: AddressError,
    },
    /// A secret cannot be had from its file.
    #[error(transparent)]
    SecretFile(#[from] UnusableFile),
    /// A pooler is named without the way around it.
    #[error(transparent)]
    NoDirectUrl(#[from] NoDirectUrl),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The private Postgres could not be started.
    #[error(transparent)]
    Embedded(#[from] embedded_postgres::error::Error),
    /// The private Postgres ended while it was needed.
    #[error(
        "the private Postgres stopped unexpectedly; see its log in the data folder, then start \
         again"
    )]
    DatabaseLost,
    /// The database is not in the state this binary needs.
    #[error("{0} migrations are pending; run `navi migrate` first, or `navi serve --migrate`")]
    Pending(usize),
    /// `navi migrate` failed.
    #[error(transparent)]
    Migrate(#[from] migrate::Error),
    /// There is no place for the data folder.
    #[error(transparent)]
    NoDataDir(#[from] NoDataDir),
    /// There is nothing to sign tokens with.
    #[error(transparent)]
    Secret(#[from] SigningSecretError),
    /// A token could not be signed.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// There was no randomness to make a secret of.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The services could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The script cannot be played.
    #[error("the script `{}` cannot be played: {reason}", path.display())]
    Script {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// The folder to work in cannot be used.
    #[error("the workspace `{}` cannot be used: {source}", path.display())]
    Workspace {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There is no model to do the work.
    #[error(
        "no model is configured: set ANTHROPIC_API_KEY, OPENAI_API_KEY, OLLAMA_BASE_URL or \
         SELF_HOSTED_API_BASE_URL, or NAVI_SCRIPT to play a script, or name a running server with --server; \
         `navi doctor` lists the settings, `navi demo` needs none"
    )]
    NoModel,
    /// There is none, and a setting holds the words of an example.
    #[error(
        "no model is configured: {0} holds a placeholder and no key; put your key there, or name a running server \
         with --server; `navi demo` needs none"
    )]
    PlaceholderKey(&'static str),
    /// A client could not be made, or may not go there.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The model that was named cannot do the work, and no other one was to.
    #[error("{0}")]
    OtherModel(String),
    /// The demonstration has no toolchain to work with.
    #[error(
        "the demo mends a small Rust project and needs a `cargo` that works: {0}; https://rustup.rs \
         installs one, and `navi agent run` needs none in a project of another language"
    )]
    NoCargo(String),
    /// No program listens at the address.
    #[error("Nothing listens on {0}. Is `navi serve` running there?")]
    NothingListens(String),
    /// There is no way to the server, or it does not answer.
    #[error("{server} cannot be reached: {reason}")]
    Unreached {
        /// Its address.
        server: String,
        /// The reason.
        reason: String,
    },
    /// Another program listens at the address.
    #[error(
        "what listens on {server} is not NAVI: its answer with status {status} is none of ours; look at the \
         address and the port"
    )]
    NotNavi {
        /// Its address.
        server: String,
        /// The HTTP status.
        status: u16,
    },
    /// No run is named like this.
    #[error("run `{0}` not found; `navi agent list` shows yours")]
    NoRun(String),
    /// A load cannot be carried out.
    #[error("the load test cannot run: {0}")]
    Load(String),
    /// The connection broke while a run was followed.
    #[error("the connection to {server} broke before the run ended: {reason}{}", ways(*run))]
    Broken {
        /// Its address.
        server: String,
        /// The reason.
        reason: String,
        /// The run, as far as it is known.
        run: Option<RunId>,
    },
    /// The server does not know who asks.
    #[error(
        "{server} refused the token: {detail}; `navi token mint --org ORG --user USER --role planner` makes one there"
    )]
    TokenRefused {
        /// Its address.
        server: String,
        /// Its explanation.
        detail: String,
    },
    /// The server refused the request.
    #[error("the server answered {status}: {detail}")]
    Answered {
        /// The HTTP status.
        status: u16,
        /// Its explanation.
        detail: String,
    },
    /// The run's stream ended without its outcome.
    #[error("the run did not end; its server did{}", ways(*run))]
    Unfinished {
        /// The run, as far as it is known.
        run: Option<RunId>,
    },
    /// Ctrl-C while a run was followed.
    #[error("interrupted; the run is cancelled{}", ways(*run))]
    Left {
        /// The run, as far as it is known.
        run: Option<RunId>,
    },
    /// Ctrl-C.
    #[error("interrupted; unfinished work is cancelled")]
    Interrupted,
    /// The command was called in a way that says too little.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read.
    #[error("`{}` cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file is no export of an audit log.
    #[error("not an export of an audit log: {0}")]
    Export(String),
    /// There are no audit keys.
    #[error(transparent)]
    AuditKeys(#[from] AuditKeysError),
    /// The audit log refused.
    #[error(transparent)]
    Audit(#[from] audit::error::Error),
    /// Retention or an erasure did not come to its end.
    #[error(transparent)]
    Lifecycle(#[from] lifecycle::error::Error),
    /// Nothing is known of whom a command names.
    #[error("{0}")]
    Stranger(String),
    /// A folder could not be taken from its organisation.
    #[error(transparent)]
    Workspaces(#[from] workspaces::error::Error),
    /// A pass of the analyzer did not come to its end.
    #[error(transparent)]
    Learning(#[from] learning::error::Error),
    /// The cost of the run could not be written.
    #[error(transparent)]
    Ledger(#[from] ledger::error::Error),
    /// The vault cannot seal or open.
    #[error(transparent)]
    Vault(#[from] vault::error::Error),
    /// The vault's keys cannot be read.
    #[error(transparent)]
    VaultKey(#[from] vault::config::KeyError),
    /// Logging could not be set up.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The address is taken, not this machine's, or no address at all.
    #[error(
        "cannot listen on {address}: {source}; {}choose another with --bind or NAVI_BIND",
        neighbour(found.as_deref())
    )]
    Bind {
        /// The address.
        address: BindAddress,
        /// The system's error.
        source: io::Error,
        /// A server that runs over the same data folder.
        found: Option<Box<FoundServer>>,
    },
    /// Work was still going on when the grace period ended, or a second signal cut it short.
    #[error("ended before all work was done; unfinished runs can be resumed")]
    CutShort,
    /// The system failed.
    #[error("the system failed: {0}")]
    Io(#[from] io::Error),
}

impl Failure {
    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Database(db::Error::Unreachable(_) | db::Error::Silent | db::Error::Full(_))
            | Self::Embedded(_)
            | Self::DatabaseLost => ExitCode::from(3),
            Self::Lifecycle(error) if error.is_lost() => ExitCode::from(3),
            Self::Learning(error) if error.is_lost() => ExitCode::from(3),
            Self::Migrate(error) => error.exit_code(),
            Self::DatabaseUrl { .. }
            | Self::NoDirectUrl(_)
            | Self::NoModel
            | Self::PlaceholderKey(_)
            | Self::OtherModel(_)
            | Self::Script { .. }
            | Self::Workspace { .. }
            | Self::Usage(_) => ExitCode::from(2),
            Self::CutShort => ExitCode::from(4),
            Self::Stranger(_) => ExitCode::from(5),
            // As of a program that Ctrl-C ended.
            Self::Interrupted | Self::Left { .. } => ExitCode::from(130),
            Self::Refused(_)
            | Self::Database(
                db::Error::TooOld(_)
                | db::Error::Migrate(_)
                | db::Error::Unreleased
                | db::Error::UnknownPooler(_)
                | db::Error::SharedSessions
                | db::Error::NoSuchVersion(_)
                | db::Error::Query(_),
            )
            | Self::Pending(_)
            | Self::NoDataDir(_)
            | Self::Secret(_)
            | Self::SecretFile(_)
            | Self::Mint(_)
            | Self::NoRandomness(_)
            | Self::Build(_)
            | Self::Logging(_)
            | Self::Outbound(_)
            | Self::NoCargo(_)
            | Self::NothingListens(_)
            | Self::Unreached { .. }
            | Self::NotNavi { .. }
            | Self::NoRun(_)
            | Self::Load(_)
            | Self::Broken { .. }
            | Self::TokenRefused { .. }
            | Self::Answered { .. }
            | Self::Unfinished { .. }
            | Self::File { .. }
            | Self::Export(_)
            | Self::AuditKeys(_)
            | Self::Audit(_)
            | Self::Lifecycle(_)
            | Self::Workspaces(_)
            | Self::Learning(_)
            | Self::Ledger(_)
            | Self::Vault(_)
            | Self::VaultKey(_)
            | Self::Bind { .. }
            | Self::Io(_) => ExitCode::FAILURE,
        }
    }
}

impl Failure {
    /// True if the reader of our output went away, as `head` does: that is a mistake of no one.
    pub fn is_closed_output(&self) -> bool {
        let (Self::Io(error) | Self::Migrate(migrate::Error::Output(error))) = self else {
            return false;
        };
        error.kind() == io::ErrorKind::BrokenPipe
    }
}

/// A server that runs already, as the beginning of what to do about it.
fn neighbour(found: Option<&FoundServer>) -> String {
    found.map_or_else(String::new, |found| {
        format!(
            "a server over the same data folder listens on {} (process {}). Use that one, or ",
            found.url.as_str().trim_end_matches('/'),
            found.process
        )
    })
}

/// The commands for a run that was left, as the end of a sentence.
fn ways(run: Option<RunId>) -> String {
    run.map_or_else(String::new, |run| {
        format!(
            ".\n  go on      navi agent resume {run}\n  see it     navi agent show {run}\n  \
             see all    navi agent list"
        )
    })
}

/// The way to reach the database that a setting names.
pub fn database_servers(setting: &'static str, url: &str) -> Result<Servers, Failure> {
    let address =
        DatabaseAddress::read(url).map_err(|error| Failure::DatabaseUrl { setting, error })?;
    for parameter in &address.ignored {
        tracing::warn!(setting, parameter, "an unknown parameter is ignored");
    }
    Ok(address.servers)
}
