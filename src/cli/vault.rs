//! `navi vault`: the counts of secrets by their key, and sealing them again.

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use crate::audit::event::Event;
use crate::audit::model::{Ending, Log, NewEntry, Outcome};
use crate::audit::service::Audit;
use crate::cli::audit::opened;
use crate::cli::audit::opened::operator;
use crate::cli::failure::Failure;
use crate::cli::terminal::progress::Progress;
use crate::config::settings::Config;
use crate::connectors::model::Owner;
use crate::connectors::rewrap::Rewrap;
use crate::connectors::store::SealCount;
use crate::connectors::{rewrap, store};
use crate::notices::rewrap as secrets;
use crate::notices::rewrap::{RewrapError, Unopened};
use crate::notices::store::seals;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::database::servers::Servers;
use crate::platform::database::settings::PoolSettings;
use crate::platform::db;
use crate::vault;

/// The tables that hold sealed values.
const TABLE: &str = "connector_tokens";
const WEBHOOKS: &str = "webhooks";

/// Counts what is sealed, by format and key.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct StatusArgs {
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Seals secrets again that are not sealed with the current key.
///
/// Servers may go on meanwhile. May be interrupted and started again at any time.
#[derive(Clone, Debug, clap::Args)]
pub struct RewrapArgs {
    /// Answer in lines of JSON: one for each row that failed, and the sums.
    #[arg(long)]
    pub json: bool,
    /// Rows that are renewed in one statement.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 500,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    pub batch: u32,
}

async fn pool(config: &Config, database: &Servers) -> Result<Pool, Failure> {
    let settings = PoolSettings::default().at_most(config.database.database_connections);
    let pool = db::connect(database.clone(), &settings).await?;
    let mut conn = pool.acquire().await.map_err(db::Error::Query)?;
    match db::pending(&mut conn).await?.len() {
        0 => Ok(pool),
        pending => Err(Failure::Pending(pending)),
    }
}

/// Sealed values by table, format and key.
async fn counts(pool: &Pool) -> Result<Vec<(&'static str, SealCount)>, Failure> {
    let mut conn = pool.acquire().await.map_err(db::Error::Query)?;
    let tokens = store::count_seals(&mut conn)
        .await
        .map_err(db::Error::Query)?;
    let secrets = seals::count_seals(&mut conn)
        .await
        .map_err(db::Error::Query)?;
    let secrets = secrets
        .into_iter()
        .map(|(sealed_with, rows)| (WEBHOOKS, SealCount { sealed_with, rows }));
    let tokens = tokens.into_iter().map(|count| (TABLE, count));
    Ok(tokens.chain(secrets).collect())
}

/// Runs `navi vault status`.
pub async fn status(
    args: &StatusArgs,
    config: &Config,
    database: &Servers,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let pool = pool(config, database).await?;
    let counts = counts(&pool).await?;
    // Counting needs no key, so it is told even when KMS is out of reach.
    let (current, trouble) = match config.vault().await?.current().await {
        Ok(current) => (Some(current), None),
        Err(error) => (None, Some(error.to_string())),
    };
    if args.json {
        let rows: Vec<_> = counts
            .iter()
            .map(|(table, count)| {
                json!({"table": table, "sealed_with": count.sealed_with, "rows": count.rows})
            })
            .collect();
        let answer = json!({"current": current, "problem": trouble, "sealed": rows});
        writeln!(out, "{answer}")?;
        return Ok(ExitCode::SUCCESS);
    }
    match (&current, &trouble) {
        (Some(current), _) => writeln!(out, "sealing with {current}")?,
        (None, Some(trouble)) => writeln!(out, "sealing with nothing: {trouble}")?,
        (None, None) => {}
    }
    for (table, count) in &counts {
        let stays = current.as_ref() == Some(&count.sealed_with);
        let mark = if stays { "" } else { "  (to be renewed)" };
        let SealCount { sealed_with, rows } = count;
        writeln!(out, "{table:<16}  {rows:>9}  {sealed_with}{mark}")?;
    }
    if counts.is_empty() {
        writeln!(out, "nothing is sealed yet")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `navi vault rewrap`.
pub async fn rewrap(
    args: &RewrapArgs,
    config: &Config,
    database: &Servers,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let log = opened::open(config, database, &Clock::System).await?;
    let outcome = audited_rewrap(args, config, database, &log.audit, out).await;
    log.close().await;
    outcome
}

/// The walk, which opens every old value: an entry in the server's own log says so before it begins.
async fn audited_rewrap(
    args: &RewrapArgs,
    config: &Config,
    database: &Servers,
    audit: &Audit,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let entry = NewEntry {
        resource: Some(format!("{TABLE}, {WEBHOOKS}")),
        ..NewEntry::new(Log::Server, Event::VaultRewrapped, operator().actor)
    };
    let open = audit.begin(entry).await?;
    let mut sums = Sums::default();
    let outcome = walk(args, config, database, &mut sums, out).await;
    let Sums {
        renewed,
        overtaken,
        failed,
    } = sums;
    let payload = json!({"renewed": renewed, "overtaken": overtaken, "failed": failed});
    open.complete(Ending {
        payload: Some(payload),
        ..Ending::from(match &outcome {
            Ok(_) if failed == 0 => Outcome::Success,
            Ok(_) | Err(_) => Outcome::Failure,
        })
    })
    .await;
    outcome
}

async fn walk(
    args: &RewrapArgs,
    config: &Config,
    database: &Servers,
    sums: &mut Sums,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let pool = pool(config, database).await?;
    let mut work = Rewrap::begin(pool.clone(), config.vault().await?, args.batch).await?;
    let old = counts(&pool).await?;
    let old = old
        .iter()
        .filter(|(_, count)| count.sealed_with != work.current());
    let rows: i64 = old.map(|(_, count)| count.rows).sum();
    let mut progress = Progress::default();
    let outcome = loop {
        match work.step().await {
            Ok(Some(batch)) => {
                sums.renewed += batch.renewed;
                sums.overtaken += batch.overtaken;
                for (owner, error) in &batch.failed {
                    sums.failed += 1;
                    tell_failure(args, owner, error, out)?;
                }
                let done = sums.renewed + sums.overtaken + sums.failed;
                let failed = sums.failed;
                progress.show(&format!("{done} of {rows} looked at, {failed} failed"));
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    progress.end();
    let outcome = match outcome {
        Ok(()) => walk_webhooks(args, config, &pool, sums, out).await?,
        Err(error) => Err(error),
    };
    tell_sums(args, work.current(), sums, out)?;
    match outcome {
        Ok(()) if sums.failed == 0 => Ok(ExitCode::SUCCESS),
        Ok(()) => Ok(ExitCode::from(4)),
        Err(rewrap::Error::Vault(error)) => Err(error.into()),
        Err(rewrap::Error::Database(error)) => Err(lost_or_failed(error).into()),
    }
}

/// Renews the secrets of webhooks.
async fn walk_webhooks(
    args: &RewrapArgs,
    config: &Config,
    pool: &Pool,
    sums: &mut Sums,
    out: &mut (dyn Write + Send),
) -> Result<Result<(), rewrap::Error>, Failure> {
    let all = match secrets::rewrap(pool, &config.vault().await?).await {
        Ok(all) => all,
        Err(RewrapError::Vault(error)) => return Ok(Err(rewrap::Error::Vault(error))),
        Err(RewrapError::Database(error)) => return Ok(Err(rewrap::Error::Database(error))),
    };
    sums.renewed += all.renewed;
    sums.overtaken += all.overtaken;
    for Unopened {
        org_id,
        webhook_id,
        error,
    } in &all.failed
    {
        sums.failed += 1;
        if args.json {
            let failed = json!({
                "table": WEBHOOKS,
                "org_id": org_id,
                "webhook_id": webhook_id,
                "problem": error.to_string(),
            });
            writeln!(out, "{}", json!({ "failed": failed }))?;
        } else {
            writeln!(out, "failed: {org_id} webhook {webhook_id}: {error}")?;
        }
    }
    Ok(Ok(()))
}

/// Tells a lost database, which another attempt may find again, from one that refused.
fn lost_or_failed(error: sqlx::Error) -> db::Error {
    let lost = matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed
    );
    if lost {
        db::Error::Unreachable(error)
    } else {
        db::Error::Query(error)
    }
}

/// The sums of all that was done.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    renewed: u64,
    overtaken: u64,
    failed: u64,
}

/// Told at once, so that any number of them can be.
fn tell_failure(
    args: &RewrapArgs,
    owner: &Owner,
    error: &vault::error::Error,
    out: &mut (dyn Write + Send),
) -> std::io::Result<()> {
    if !args.json {
        let (org, user) = (owner.org_id.as_str(), owner.user_id.as_str());
        return writeln!(out, "failed: {org} {user} {}: {error}", owner.provider);
    }
    let failed = json!({
        "table": TABLE,
        "org_id": owner.org_id,
        "user_id": owner.user_id,
        "provider": owner.provider,
        "problem": error.to_string(),
    });
    writeln!(out, "{}", json!({ "failed": failed }))
}

fn tell_sums(
    args: &RewrapArgs,
    current: &str,
    sums: &Sums,
    out: &mut (dyn Write + Send),
) -> std::io::Result<()> {
    let Sums {
        renewed,
        overtaken,
        failed,
    } = sums;
    if args.json {
        let sums = json!({
            "current": current,
            "renewed": renewed,
            "overtaken": overtaken,
            "failed": failed,
        });
        return writeln!(out, "{sums}");
    }
    writeln!(
        out,
        "{renewed} renewed, {overtaken} replaced by others meanwhile, {failed} failed"
    )
}
