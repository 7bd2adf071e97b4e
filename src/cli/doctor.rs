//! `navi doctor`: what is missing, and the command that mends it. Changes nothing.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};
use serde::Serialize;
use sqlx::PgConnection;

use crate::cli::failure::{Failure, database_servers};
use crate::config::settings::Config;
use crate::exec::finding::find_sandbox;
use crate::exec::launch::THIS_PROGRAM;
use crate::exec::sandbox::settings::SandboxMode;
use crate::exec::sandbox::wall::Tier;
use crate::llm::config::ProviderId;
use crate::llm::router::{Parts, Router};
use crate::llm::served::findings::findings;
use crate::platform::clock::Clock;
use crate::platform::database::disk::{folder_here, try_storing};
use crate::platform::database::refusal::{is_full, is_read_only};
use crate::platform::database::servers::Servers;
use crate::platform::database::sessions::are_shared;
use crate::platform::database::storage::STORES_NOTHING;
use crate::platform::db;
use crate::platform::embedded_postgres::error::Error as PostgresError;
use crate::platform::embedded_postgres::{binaries, folder};
use crate::platform::metrics::Metrics;
use crate::platform::secret::ExposeSecret;

/// The name of the check of a database's disk.
const DATABASE_DISK: &str = "database disk";
/// With less room than this the database will soon refuse to write.
const LITTLE_ROOM: u64 = 512 * 1024 * 1024;
/// The way to room for the data folder.
const ANOTHER_DISK: &str = "make room, or set NAVI_DATA_DIR to a folder on another disk";
/// The way to room for a database.
const DATABASE_FULL: &str = "make room on the disk of the database, as docs/database-full.md says";
/// Clocks further apart than this make events seem to come from the future.
const MAX_CLOCK_SKEW: chrono::TimeDelta = chrono::TimeDelta::seconds(5);

/// Looks at everything navi needs: settings, data folder, disk, database, migrations.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Args {
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
    /// Ask every model provider that is set for its list of models; it costs nothing.
    #[arg(long)]
    pub online: bool,
}

/// Everything that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether nothing is missing.
    pub ok: bool,
    /// What was looked at, in this order.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            ok: true,
            detail: detail.into(),
            mend: None,
        }
    }

    fn bad(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            name,
            ok: false,
            detail: detail.into(),
            mend: Some(mend.into()),
        }
    }
}

/// Writes the report to `out`; 0 when nothing is missing, else 1.
pub async fn run(
    args: &Args,
    config: &Config,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let report = examine(config, clock, args.online).await;
    if args.json {
        let text = serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?;
        writeln!(out, "{text}")?;
    } else {
        for check in &report.checks {
            let mark = if check.ok { "ok     " } else { "MISSING" };
            writeln!(out, "{mark}  {}: {}", check.name, check.detail)?;
            if let Some(mend) = &check.mend {
                writeln!(out, "         mend it: {mend}")?;
            }
        }
    }
    Ok(ExitCode::from(u8::from(!report.ok)))
}

/// Looks at everything; online also at whether the providers of models answer.
pub async fn examine(config: &Config, clock: &Clock, online: bool) -> Report {
    let mut checks = vec![settings(config), sandbox(config)];
    checks.extend(models(config, clock, online).await);
    match config.data_dir() {
        Ok(data_dir) => {
            let standing = nearest(&data_dir);
            checks.push(writable(&data_dir, &standing));
            checks.push(room("disk", &standing, ANOTHER_DISK));
            if config.database.database_url.is_none() {
                checks.push(programs(config, &data_dir));
                checks.push(cluster(&data_dir));
                checks.extend(disk_of_cluster(&data_dir));
            }
        }
        Err(error) => checks.push(Check::bad(
            "data folder",
            error.to_string(),
            "export NAVI_DATA_DIR=/path/to/a/folder",
        )),
    }
    let direct = config.database.direct().map_err(Failure::from);
    let servers = direct.and_then(|direct| {
        direct
            .map(|(setting, url)| database_servers(setting, url.expose_secret()))
            .transpose()
    });
    match servers {
        Ok(None) => {}
        Ok(Some(servers)) => checks.extend(database(&servers, clock).await),
        Err(failure) => checks.push(Check::bad(
            "database",
            failure.to_string(),
            "export DATABASE_URL='postgres://USER:PASSWORD@HOST/NAME'",
        )),
    }
    Report {
        ok: checks.iter().all(|check| check.ok),
        checks,
    }
}

fn settings(config: &Config) -> Check {
    match config.check() {
        Ok(()) => Check::good("settings", format!("fit for {}", config.app_env)),
        Err(refused) => Check::bad("settings", refused.to_string(), "navi config check"),
    }
}

fn sandbox(config: &Config) -> Check {
    const NAME: &str = "sandbox";
    let around = &config.surroundings;
    let program = around.supervisor.clone();
    let program = program.unwrap_or_else(|| PathBuf::from(THIS_PROGRAM));
    let environment = &around.command_environment;
    let demand = config.app_env.demand();
    match find_sandbox(&config.sandbox, &program, environment, demand) {
        Ok(found) if found.tier() == Tier::None && config.sandbox.mode != SandboxMode::Off => {
            Check::bad(
                NAME,
                found.describe(),
                "a kernel from 5.13 on with Landlock among its security modules \
                 (`lsm=landlock,…` on its command line), or NAVI_SANDBOX=off to do without",
            )
        }
        Ok(found) => Check::good(NAME, found.describe()),
        Err(error) => Check::bad(
            NAME,
            error.to_string(),
            "set NAVI_SANDBOX to what this machine can build, or mend what is missing",
        ),
    }
}

async fn models(config: &Config, clock: &Clock, online: bool) -> Vec<Check> {
    let metrics = Metrics::new(&[], &ProviderId::names());
    let metrics = metrics.map_err(|error| error.to_string());
    let router = metrics.and_then(|metrics| {
        let parts = Parts {
            clock: clock.clone(),
            metrics,
            scripted: config.scripted.clone(),
        };
        Router::new(&config.llm, &parts).map_err(|error| error.to_string())
    });
    let router = match router {
        Ok(router) => router,
        Err(error) => return vec![Check::bad("models", error, "navi config check")],
    };
    let found = findings(&router, &config.llm, online).await;
    let checks = found.into_iter().map(|finding| Check {
        name: finding.about,
        ok: finding.mend.is_none(),
        detail: finding.detail,
        mend: finding.mend,
    });
    checks.collect()
}

/// The folder itself, or the nearest one above it that exists.
fn nearest(folder: &Path) -> PathBuf {
    let standing = folder.ancestors().find(|above| above.is_dir());
    // A relative path has no root above it.
    standing
        .filter(|above| !above.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn writable(data_dir: &Path, standing: &Path) -> Check {
    let shown = data_dir.display();
    if data_dir.exists() && !data_dir.is_dir() {
        return Check::bad(
            "data folder",
            format!("{shown} is not a folder"),
            "export NAVI_DATA_DIR=/path/to/a/folder",
        );
    }
    match access(standing, AccessFlags::W_OK | AccessFlags::X_OK) {
        Ok(()) if data_dir == standing => Check::good("data folder", format!("{shown}")),
        Ok(()) => Check::good(
            "data folder",
            format!("{shown}, to be made at the first start"),
        ),
        Err(error) => Check::bad(
            "data folder",
            format!("{} cannot be written: {}", standing.display(), error.desc()),
            format!("sudo install -d -o $(id -u) -g $(id -g) '{shown}'"),
        ),
    }
}

fn room(name: &'static str, standing: &Path, mend: &str) -> Check {
    match statvfs(standing) {
        Ok(system) => {
            let free = system
                .blocks_available()
                .saturating_mul(system.fragment_size());
            let mebibytes = free / (1024 * 1024);
            if free < LITTLE_ROOM {
                let found = format!("{mebibytes} MiB free at {}", standing.display());
                Check::bad(name, found, mend)
            } else {
                Check::good(name, format!("{mebibytes} MiB free"))
            }
        }
        Err(error) => Check::bad(
            name,
            format!("the free room cannot be found out: {}", error.desc()),
            format!("df '{}'", standing.display()),
        ),
    }
}

fn programs(config: &Config, data_dir: &Path) -> Check {
    const NAME: &str = "postgres programs";
    let data = data_dir.join("postgres/data");
    let found = folder::version_of(&data).and_then(|version| {
        binaries::find(
            config.database.pg_bin.as_deref(),
            &config.surroundings.path,
            version.map(|version| (data.as_path(), version)),
        )
    });
    match found {
        Ok(binaries) => Check::good(
            NAME,
            format!(
                "version {} in {}",
                binaries.major,
                binaries.folder.display()
            ),
        ),
        Err(error) => {
            let mend = match &error {
                PostgresError::OtherVersion { cluster, .. } => {
                    format!("sudo apt-get install postgresql-{cluster}")
                }
                PostgresError::File { mend, .. } => (*mend).to_owned(),
                PostgresError::BinariesMissing { .. }
                | PostgresError::InUse { .. }
                | PostgresError::Foreign { .. }
                | PostgresError::PasswordLost(_)
                | PostgresError::Spawn { .. }
                | PostgresError::Init(_)
                | PostgresError::Ended { .. }
                | PostgresError::Refused(_)
                | PostgresError::Late(..)
                | PostgresError::Leftover(_) => "sudo apt-get install postgresql".to_owned(),
            };
            Check::bad(NAME, error.to_string(), mend)
        }
    }
}

fn cluster(data_dir: &Path) -> Check {
    const NAME: &str = "private database";
    if let Some(holder) = folder::holder(data_dir) {
        return Check::good(NAME, format!("in use by process {holder}"));
    }
    let root = data_dir.join("postgres");
    if !root.join("data").exists() {
        return Check::good(NAME, "to be made at the first start");
    }
    let password = root.join("password");
    match std::fs::metadata(&password) {
        Ok(_) => Check::good(
            NAME,
            "not running; started with navi, migrated at its start",
        ),
        Err(error) => Check::bad(
            NAME,
            format!("{}: {error}", password.display()),
            format!(
                "put it back, or start empty: mv '{0}' '{0}.old'",
                root.display()
            ),
        ),
    }
}

/// The disk of the private database, which may be another than that of the data folder.
fn disk_of_cluster(data_dir: &Path) -> Option<Check> {
    let data = data_dir.join("postgres/data");
    data.is_dir()
        .then(|| room(DATABASE_DISK, &data, DATABASE_FULL))
}

/// Stores something and takes it back, and looks for the room that is left where the disk is in sight.
async fn disk_of_database(conn: &mut PgConnection, servers: &Servers) -> Check {
    match try_storing(conn).await {
        Err(error) if is_full(&error) || is_read_only(&error) => {
            let found = format!("{STORES_NOTHING}: {error}");
            Check::bad(DATABASE_DISK, found, DATABASE_FULL)
        }
        Err(error) => Check::good(DATABASE_DISK, format!("storing cannot be tried: {error}")),
        Ok(()) => match folder_here(conn, servers).await {
            Some(folder) => room(DATABASE_DISK, &folder, DATABASE_FULL),
            None => Check::good(
                DATABASE_DISK,
                "it stores; how full it is cannot be seen from here",
            ),
        },
    }
}

async fn database(servers: &Servers, clock: &Clock) -> Vec<Check> {
    let mut conn = match db::connect_once(servers).await {
        Ok(conn) => conn,
        Err(error) => {
            return vec![Check::bad(
                "database",
                error.to_string(),
                "start the server, or correct DATABASE_URL: psql \"$DATABASE_URL\" -c 'select 1'",
            )];
        }
    };
    let mut checks = vec![Check::good(
        "database",
        format!("answers at {}", servers.good().get_host()),
    )];
    if matches!(are_shared(&mut conn, servers).await, Ok(true)) {
        checks.push(Check::bad(
            "pooler",
            db::Error::SharedSessions.to_string(),
            "export DATABASE_POOLER=transaction DATABASE_DIRECT_URL='postgres://USER:PASSWORD@HOST/NAME'",
        ));
    }
    checks.push(match db::pending(&mut conn).await {
        Ok(pending) if pending.is_empty() => Check::good("migrations", "all are applied"),
        Ok(pending) => Check::bad(
            "migrations",
            format!("{} are pending", pending.len()),
            "navi migrate",
        ),
        Err(db::Error::Unreleased) => Check::bad("migrations", db::UNRELEASED, db::BEGIN_ANEW),
        Err(error) => Check::bad(
            "migrations",
            error.to_string(),
            "use the version of navi that migrated this database, or a later one",
        ),
    });
    checks.push(disk_of_database(&mut conn, servers).await);
    checks.push(match db::server_time(&mut conn).await {
        Ok(theirs) => {
            let apart = (clock.now() - theirs).abs();
            if apart > MAX_CLOCK_SKEW {
                Check::bad(
                    "clock",
                    format!("{} s apart from the database's", apart.num_seconds()),
                    "sudo timedatectl set-ntp true",
                )
            } else {
                Check::good("clock", "agrees with the database's")
            }
        }
        Err(error) => Check::bad("clock", error.to_string(), "psql \"$DATABASE_URL\""),
    });
    checks
}
