//! The private cluster: made, started, connected to, stopped.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use crate::platform::clock::millis;
use crate::platform::embedded_postgres::account::Account;
use crate::platform::embedded_postgres::binaries::Binaries;
use crate::platform::embedded_postgres::error::Error;
use crate::platform::embedded_postgres::folder::{Folder, as_postgres_list};
use crate::platform::embedded_postgres::process::Server;
use crate::platform::embedded_postgres::{binaries, log, process};
use crate::platform::tasks::beside;

/// The role and superuser of the private cluster.
const ROLE: &str = "navi";
/// The database; every cluster is made with one of this name.
const DATABASE: &str = "postgres";
/// The longest that the start may take. Recovery after a crash is part of it.
const START_PATIENCE: Duration = Duration::from_mins(2);
/// The interval at which a starting Postgres is asked whether it is ready.
const START_POLL: Duration = Duration::from_millis(10);

/// The places of the cluster and of the binaries.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The data folder; the cluster goes into `postgres` below it.
    pub data_dir: PathBuf,
    /// The one folder to take the binaries from (`NAVI_PG_BIN`).
    pub pg_bin: Option<PathBuf>,
    /// The folders of `PATH`, searched after the distribution's own.
    pub path: Vec<PathBuf>,
}

/// A private Postgres that runs as long as this value lives.
///
/// Dropping it stops Postgres too and blocks until it has; [`Self::stop`] does not block.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    // Dropped in this order: the lock must outlive the server.
    server: Server,
    folder: Folder,
    options: PgConnectOptions,
}

/// Everything that has to be there before Postgres starts.
struct Prepared {
    folder: Folder,
    binaries: Binaries,
    account: Account,
    socket: PathBuf,
    password: SecretString,
}

impl EmbeddedPostgres {
    /// Makes the cluster if there is none, starts it, and returns when it takes connections.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let started = Instant::now();
        let (running, log_start) = beside(move || {
            let prepared = prepare(&settings)?;
            launch(prepared)
        })
        .await?;
        running.until_ready(log_start).await?;
        tracing::info!(
            data = %running.folder.data().display(),
            duration_ms = millis(started.elapsed()),
            "the embedded Postgres is ready"
        );
        Ok(running)
    }

    /// The options of a connection. They hold the password and do not print it.
    pub fn connect_options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// Resolves when Postgres has ended, by itself or because it was stopped.
    pub async fn ended(&self) {
        self.server.ended().await;
    }

    /// Stops Postgres: closes every connection, writes everything down, waits for the end.
    pub async fn stop(self) {
        // Not awaited through a task of ours that could be dropped half-way: the value moves into
        // the thread, so that even then the stop is finished there.
        beside(move || self.server.stop()).await;
    }

    async fn until_ready(&self, log_start: u64) -> Result<(), Error> {
        let mut told = false;
        let launched = Instant::now();
        loop {
            if self.server.has_ended() {
                return Err(Error::Ended {
                    log: self.folder.log(),
                    tail: log::tail(&self.folder.log(), log_start),
                });
            }
            match self.options.connect().await {
                Ok(conn) => {
                    conn.close().await.map_err(Error::Refused)?;
                    return Ok(());
                }
                Err(error) if !is_starting(&error) => return Err(Error::Refused(error)),
                Err(_) => {}
            }
            if launched.elapsed() > START_PATIENCE {
                return Err(Error::Late(START_PATIENCE.as_secs(), self.folder.log()));
            }
            if !told && launched.elapsed() > Duration::from_secs(3) {
                tracing::info!("the embedded Postgres is recovering from an unclean end");
                told = true;
            }
            tokio::time::sleep(START_POLL).await;
        }
    }
}

/// True when a failed connection means that Postgres is not ready yet.
fn is_starting(error: &sqlx::Error) -> bool {
    if let sqlx::Error::Database(refusal) = error {
        // "the database system is starting up"
        return refusal.code().as_deref() == Some("57P03");
    }
    matches!(error, sqlx::Error::Io(_))
}

fn prepare(settings: &Settings) -> Result<Prepared, Error> {
    let folder = Folder::open(&settings.data_dir)?;
    let version = folder.cluster_version()?;
    let data = folder.data();
    let binaries = binaries::find(
        settings.pg_bin.as_deref(),
        &settings.path,
        version.map(|version| (data.as_path(), version)),
    )?;
    let account = Account::choose(folder.root());
    // The lock and the password below it stay ours; Postgres only has to get to its own folders.
    open_the_way(&folder, account)?;
    let password = match version {
        Some(_) => folder.password()?,
        None => make_cluster(&folder, &binaries, account)?,
    };
    account.take_over(&data)?;
    process::end_leftovers(&data)?;
    let socket = folder.socket_folder(account)?;
    folder.clear_stale_locks(&socket)?;
    Ok(Prepared {
        folder,
        binaries,
        account,
        socket,
        password,
    })
}

/// Lets another account pass through our folder to its own, which are closed to everybody else.
fn open_the_way(folder: &Folder, account: Account) -> Result<(), Error> {
    let mode = match account {
        Account::Other { .. } => 0o711,
        Account::Own | Account::Namespace { .. } => 0o700,
    };
    let root = folder.root();
    // Ours, not the account's, which could otherwise replace the files in it.
    Account::Own.take_over(root)?;
    std::fs::set_permissions(root, PermissionsExt::from_mode(mode))
        .map_err(Error::file("cannot change the mode of", root))
}

/// Makes a cluster beside its final place and moves it there: a crash leaves either none or a
/// complete one.
fn make_cluster(
    folder: &Folder,
    binaries: &Binaries,
    account: Account,
) -> Result<SecretString, Error> {
    tracing::info!(data = %folder.data().display(), "making the database; this takes a few seconds once");
    let unfinished = folder.unfinished();
    if unfinished.exists() {
        process::end_leftovers(&unfinished)?;
        std::fs::remove_dir_all(&unfinished).map_err(Error::file("cannot remove", &unfinished))?;
    }
    DirBuilder::new()
        .mode(0o700)
        .create(&unfinished)
        .map_err(Error::file("cannot make the folder", &unfinished))?;
    account.take_over(&unfinished)?;
    let password = folder.new_password()?;
    let password_file = folder.password_for_initdb(&password, account)?;
    let mut args: Vec<OsString> = [
        "--username=navi",
        // A password even on a socket that only the account can reach: what else runs under the
        // same user, the agent's commands among it, must not get in by knowing the path.
        "--auth-local=scram-sha-256",
        "--auth-host=reject",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--pgdata",
    ]
    .map(OsString::from)
    .to_vec();
    args.push(unfinished.clone().into());
    args.push("--pwfile".into());
    args.push(password_file.clone().into());
    let made = process::run(&binaries.folder.join("initdb"), &args, account);
    // Even when it failed; and a password that cannot be removed is worth a failure.
    std::fs::remove_file(&password_file).map_err(Error::file("cannot remove", &password_file))?;
    made?;
    std::fs::rename(&unfinished, folder.data()).map_err(Error::file("cannot move", &unfinished))?;
    Ok(password)
}

fn launch(prepared: Prepared) -> Result<(EmbeddedPostgres, u64), Error> {
    let Prepared {
        folder,
        binaries,
        account,
        socket,
        password,
    } = prepared;
    let options = PgConnectOptions::new_without_pgpass()
        .socket(&socket)
        // Named one by one, because each has a variable in the environment that would set it.
        .port(5432)
        .username(ROLE)
        .password(password.expose_secret())
        .database(DATABASE)
        .ssl_mode(PgSslMode::Disable);
    let (log, log_start) = log::open(&folder.log())?;
    let server = Server::start(
        &binaries.folder.join("postgres"),
        &arguments(&folder.data(), &socket),
        account,
        log,
        folder.log(),
    )?;
    let running = EmbeddedPostgres {
        server,
        folder,
        options,
    };
    Ok((running, log_start))
}

/// The command line of Postgres. What stands here wins over `postgresql.conf`, so a cluster does
/// not keep the settings of the version that made it.
fn arguments(data: &Path, socket: &Path) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec![
        "-D".into(),
        data.into(),
        "-k".into(),
        as_postgres_list(socket),
    ];
    for setting in [
        // Never a TCP port.
        "listen_addresses=",
        "port=5432",
        "unix_socket_permissions=0700",
        // The pool, a listener, the command line beside a running server, and room for `psql`.
        "max_connections=60",
        // A guest on the machine of its user, not a database server.
        "shared_buffers=64MB",
        "max_wal_size=256MB",
        "timezone=UTC",
        "log_timezone=UTC",
        "log_checkpoints=off",
        "log_line_prefix=%m [%p] ",
        // The log is the file that standard error goes to, whatever the configuration says.
        "log_destination=stderr",
        "logging_collector=off",
        "ssl=off",
    ] {
        args.push("-c".into());
        args.push(setting.into());
    }
    args
}
