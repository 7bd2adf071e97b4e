//! The settings of the database.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::platform::database::address::DatabaseAddress;
use crate::platform::secret::{ExposeSecret, SecretString};

/// Where rows are kept.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseConfig {
    /// Postgres to use, `postgres://user:password@host/database?sslmode=verify-full`.
    ///
    /// Several hosts may be named, separated by commas: the first that takes writes is used, or what
    /// `target_session_attrs` says (`read-write`, `primary`, `any`). Without it, navi runs a private
    /// Postgres in the data folder. Required in production.
    #[arg(long, env = "DATABASE_URL", value_name = "URL")]
    pub database_url: Option<SecretString>,

    /// Connection pooler between navi and Postgres: `none`, or `transaction` for a pooler with
    /// `pool_mode=transaction`.
    ///
    /// A pooler in session mode counts as `none`. With `transaction`, `DATABASE_DIRECT_URL` must be set
    /// too.
    #[arg(
        long,
        env = "DATABASE_POOLER",
        value_name = "MODE",
        default_value = "none"
    )]
    pub database_pooler: Pooler,

    /// Postgres itself, where `DATABASE_URL` names a pooler: for what needs a session of its own, such as
    /// migrations, notifications and locks.
    ///
    /// A server opens five connections there, a command up to six.
    #[arg(long, env = "DATABASE_DIRECT_URL", value_name = "URL")]
    pub database_direct_url: Option<SecretString>,

    /// The most connections that this process opens to Postgres for requests and runs.
    ///
    /// A server opens five more, each for one purpose. When Postgres grants fewer, requests wait. Requests
    /// that only read have half of them at most, and those of one person a quarter.
    #[arg(
        long,
        env = "NAVI_DATABASE_CONNECTIONS",
        value_name = "COUNT",
        default_value_t = 16,
        value_parser = clap::value_parser!(u32).range(2..=1000)
    )]
    pub database_connections: u32,

    /// Folder for the private Postgres and the development secret.
    ///
    /// `/var/lib/navi` for root, otherwise `$XDG_DATA_HOME/navi` or `~/.local/share/navi`.
    #[arg(long, env = "NAVI_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// Folder with the Postgres programs (`initdb`, `postgres`), when they are not where the
    /// distribution puts them.
    #[arg(long, env = "NAVI_PG_BIN", value_name = "FOLDER")]
    pub pg_bin: Option<PathBuf>,
}

/// There is no way to the database for what needs a session of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "DATABASE_POOLER=transaction needs DATABASE_DIRECT_URL, the address of Postgres itself: migrations, \
     notifications and locks need sessions that a pooler does not share"
)]
pub struct NoDirectUrl;

impl DatabaseConfig {
    /// The setting that names Postgres itself, and its value; nothing where navi runs its own.
    pub fn direct(&self) -> Result<Option<(&'static str, &SecretString)>, NoDirectUrl> {
        if let (Some(direct), Some(_)) = (&self.database_direct_url, &self.database_url) {
            return Ok(Some(("DATABASE_DIRECT_URL", direct)));
        }
        match (self.database_pooler, &self.database_url) {
            (Pooler::Transaction, _) => Err(NoDirectUrl),
            (Pooler::None, url) => Ok(url.as_ref().map(|url| ("DATABASE_URL", url))),
        }
    }
}

/// The pooler that shares connections to the database among its clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Pooler {
    /// No pooler, or one that gives a session to one client for as long as that wants it.
    #[default]
    None,
    /// A pooler that gives a session to another client after each transaction.
    Transaction,
}

/// The reason why something on the way could pass for the database at this address, if there is one.
pub(super) fn open_way(url: &SecretString) -> Option<String> {
    match DatabaseAddress::read(url.expose_secret()) {
        Ok(address) => address.servers.all().find_map(openness).map(str::to_owned),
        Err(error) => Some(error.to_string()),
    }
}

/// True if the database of an address is not, or not alone, on this machine.
pub fn names_another_machine(url: &SecretString) -> bool {
    let address = DatabaseAddress::read(url.expose_secret());
    address.is_ok_and(|address| !address.servers.all().all(is_local))
}

fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn openness(options: &PgConnectOptions) -> Option<&'static str> {
    if is_local(options) {
        return None;
    }
    match options.get_ssl_mode() {
        PgSslMode::VerifyCa | PgSslMode::VerifyFull => None,
        PgSslMode::Require => Some(
            "has sslmode=require, which encrypts and verifies no certificate: whatever is on the way could \
             pass for the database on another machine",
        ),
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => {
            Some("does not insist on TLS to a database on another machine")
        }
    }
}
