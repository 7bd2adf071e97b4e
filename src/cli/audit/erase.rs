//! `navi erase`: destroying what identifies a person.

use std::io::Write;
use std::process::ExitCode;

use sqlx::postgres::PgConnectOptions;

use crate::audit::model;
use crate::cli::audit::opened::{self, operator};
use crate::cli::failure::Failure;
use crate::config::settings::Config;
use crate::platform::clock::Clock;
use crate::platform::ids::{OrgId, UserId};

/// Whose data.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The organisation.
    #[arg(long, value_name = "ORG")]
    pub org: OrgId,
    /// The person.
    #[arg(long, value_name = "USER")]
    pub user: UserId,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Erases a person from the audit log: their name, what they did it to, and the keys of what was
/// sealed. Hashes and proofs stay whole.
pub async fn run(
    args: &Args,
    config: &Config,
    database: &PgConnectOptions,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let log = opened::open(config, database, &Clock::System).await?;
    let whose = model::Log::Org(args.org.clone());
    let erased = log
        .audit
        .erase_person(&whose, args.user.as_str(), &operator())
        .await;
    log.close().await;
    let erased = erased?;
    if args.json {
        writeln!(out, "{}", serde_json::json!({"audit_records": erased}))?;
    } else {
        writeln!(out, "{erased} records of the audit log were erased")?;
    }
    Ok(ExitCode::SUCCESS)
}
