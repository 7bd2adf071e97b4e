//! `navi migrate`: applies, checks, shows and undoes migrations.

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;
use sqlx::migrate::Migration;

use crate::config::settings::AppEnv;
use crate::platform::clock::Clock;
use crate::platform::database::servers::Servers;
use crate::platform::db;

/// Brings the database to the state this binary needs.
///
/// Safe to start more than once at the same time: one works, the others wait.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// Change nothing; list what is pending, and exit with 1 when something is.
    #[arg(long, conflicts_with_all = ["print", "undo_to"])]
    pub check: bool,
    /// Change nothing; show the SQL that would be run.
    #[arg(long)]
    pub print: bool,
    /// Go back until this migration is the newest one; 0 undoes all. What the undone tables held
    /// is lost, so it needs `--yes` outside development.
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i64).range(0..))]
    pub undo_to: Option<i64>,
    /// Lose what the undone tables hold.
    #[arg(long, requires = "undo_to")]
    pub yes: bool,
    /// Answer in JSON.
    #[arg(long, conflicts_with = "print")]
    pub json: bool,
}

/// Why `navi migrate` failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused, or is not there.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// Tables would be lost without a word.
    #[error(
        "going back to {0} loses what the tables of the migrations after it hold; look at them with \
         `--print`, take a dump, and say `--yes`"
    )]
    Unconfirmed(i64),
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Output(#[from] std::io::Error),
}

impl Error {
    /// 2 for a version that does not exist or is not confirmed, 3 when the database is out of reach, else 1.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Database(db::Error::NoSuchVersion(_)) | Self::Unconfirmed(_) => 2,
            Self::Database(db::Error::Unreachable(_) | db::Error::Silent | db::Error::Full(_)) => 3,
            Self::Database(
                db::Error::TooOld(_)
                | db::Error::Migrate(_)
                | db::Error::Unreleased
                | db::Error::UnknownPooler(_)
                | db::Error::SharedSessions
                | db::Error::Query(_),
            )
            | Self::Output(_) => 1,
        })
    }
}

/// Runs the command; the answer goes to `out`.
pub async fn run(
    args: &Args,
    environment: AppEnv,
    database: &Servers,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Error> {
    if args.print {
        let mut conn = db::connect_once(database).await?;
        let migrations = match args.undo_to {
            None => db::pending(&mut conn).await?,
            Some(target) => db::undoable(&mut conn, target).await?,
        };
        print_sql(out, &migrations)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.check {
        let mut conn = db::connect_once(database).await?;
        let pending = db::pending(&mut conn).await?;
        report(out, args.json, "pending", &pending)?;
        return Ok(ExitCode::from(u8::from(!pending.is_empty())));
    }
    match args.undo_to {
        None => {
            let applied = db::migrate(database, clock.now()).await?;
            report(out, args.json, "applied", &applied)?;
        }
        Some(target) if !args.yes && environment != AppEnv::Development => {
            return Err(Error::Unconfirmed(target));
        }
        Some(target) => {
            let undone = db::undo(database, target).await?;
            report(out, args.json, "undone", &undone)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn report(
    out: &mut (dyn Write + Send),
    as_json: bool,
    what: &str,
    migrations: &[&Migration],
) -> std::io::Result<()> {
    if as_json {
        let list: Vec<_> = migrations
            .iter()
            .map(|one| json!({"version": one.version, "description": one.description}))
            .collect();
        return writeln!(out, "{}", json!({ what: list }));
    }
    if migrations.is_empty() {
        return writeln!(out, "nothing {what}");
    }
    for one in migrations {
        writeln!(out, "{what} {:04} {}", one.version, one.description)?;
    }
    Ok(())
}

fn print_sql(out: &mut (dyn Write + Send), migrations: &[&Migration]) -> std::io::Result<()> {
    for one in migrations {
        writeln!(out, "-- {:04} {}\n", one.version, one.description)?;
        writeln!(out, "{}", one.sql.as_str().trim_end())?;
        writeln!(out)?;
    }
    Ok(())
}
