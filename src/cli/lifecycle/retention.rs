//! `navi retention run`: the pass that every server makes each hour, now.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::NOTHING;

use crate::cli::audit::opened;
use crate::cli::failure::Failure;
use crate::config::settings::Config;
use crate::lifecycle::model::{Pass, TableRetention};
use crate::lifecycle::retention::Retention;
use crate::platform::clock::Clock;
use crate::platform::database::servers::Servers;

/// Makes the coming months and drops what is too old, as every server does each hour.
///
/// Safe at any time: of all processes one works. A table that is locked or fails otherwise stays as it
/// is, the others go on, and the command ends with 4.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// Change nothing; say what would be dropped.
    #[arg(long)]
    pub dry_run: bool,
    /// Seconds to wait for another process that is at it; after that there is nothing to do.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub wait: u64,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(
    args: &Args,
    config: &Config,
    database: &Servers,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let log = opened::open_at_length(config, database, &Clock::System).await?;
    let retention = Retention::new(
        log.db.clone(),
        Clock::System,
        log.audit.clone(),
        config.periods(),
    );
    let pass = retention
        .run(args.dry_run, Duration::from_secs(args.wait))
        .await;
    log.close().await;
    let pass = pass?;
    if args.json {
        let json = serde_json::json!({"held_elsewhere": pass.is_none(), "pass": pass});
        writeln!(out, "{json}")?;
    } else {
        match &pass {
            Some(pass) => tell(pass, out)?,
            None => writeln!(out, "another process is at it; there is nothing to do")?,
        }
    }
    let failures = pass.map_or(0, |pass| pass.failures());
    Ok(ExitCode::from(if failures == 0 { 0 } else { 4 }))
}

fn tell(pass: &Pass, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(NOTHING);
    let gone = if pass.dry_run { "would go" } else { "gone" };
    table.set_header(["table", "setting", "days", "kept since", gone]);
    for row in &pass.tables {
        let since = row.kept_since.map(|day| day.to_string());
        let days = row.days.map(|days| days.to_string());
        table.add_row([
            row.table.to_owned(),
            row.setting.unwrap_or("built in").to_owned(),
            days.unwrap_or_else(|| "for ever".to_owned()),
            since.unwrap_or_else(|| "always".to_owned()),
            what_went(row),
        ]);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    if let Some(problem) = &pass.months_problem {
        writeln!(
            out,
            "the partitions of the coming months could not be created: {problem}"
        )?;
    }
    let dropped: usize = pass.tables.iter().map(|row| row.dropped.len()).sum();
    let forgotten: u64 = pass.tables.iter().map(|row| row.forgotten).sum();
    let failures = pass.failures();
    if pass.dry_run {
        return writeln!(
            out,
            "{dropped} months would be dropped, {forgotten} rows forgotten; nothing was changed"
        );
    }
    writeln!(
        out,
        "{} months made, {dropped} dropped, {forgotten} rows forgotten, {failures} failures",
        pass.months_made
    )
}

fn what_went(row: &TableRetention) -> String {
    if let Some(problem) = &row.problem {
        return format!("FAILED: {problem}");
    }
    match (row.dropped.as_slice(), row.forgotten) {
        ([], 0) => "nothing".to_owned(),
        ([], rows) => format!("{rows} rows"),
        (months, _) => months.join(" "),
    }
}
