//! `navi audit export`.

use std::io::Write;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::ValueEnum;

use crate::audit::csv_export;
use crate::audit::export::Line;
use crate::audit::model::{Filter, Log};
use crate::audit::service::Audit;
use crate::cli::audit::opened::{Which, operator};
use crate::cli::failure::Failure;
use crate::cli::terminal::progress::Progress;

/// The number of records read at once.
const PAGE: i64 = 1_000;

/// The records to write, and their form.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Whose log.
    #[command(flatten)]
    pub which: Which,
    /// The form.
    #[arg(long, value_name = "FORM", default_value = "jsonl")]
    pub format: Format,
    /// Not before, RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub since: Option<DateTime<Utc>>,
    /// Before, RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub until: Option<DateTime<Utc>>,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// JSON Lines, with all that verification needs.
    Jsonl,
    /// A table for people.
    Csv,
}

/// Runs the command.
pub async fn run(
    args: &Args,
    audit: &Audit,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let log = args.which.one()?;
    let filter = Filter {
        since: args.since,
        until: args.until,
        ..Filter::default()
    };
    let name = match args.format {
        Format::Jsonl => "jsonl",
        Format::Csv => "csv",
    };
    audit.begin_export(&log, &operator(), &filter, name).await?;
    match args.format {
        Format::Jsonl => jsonl(audit, &log, &filter, out).await?,
        Format::Csv => table(audit, &log, &filter, out).await?,
    }
    // This process makes no rounds that would do it.
    audit.name_checkpoints().await?;
    Ok(ExitCode::SUCCESS)
}

async fn jsonl(
    audit: &Audit,
    log: &Log,
    filter: &Filter,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    let (header, mut after) = audit.export_header(log, filter).await?;
    let mut lines = vec![header];
    let mut progress = Progress::default();
    while !lines.is_empty() {
        write(&lines, out)?;
        progress.show(&format!("record {after}"));
        (lines, after) = audit.export_page(log, filter, after, PAGE).await?;
    }
    progress.end();
    Ok(())
}

fn write(lines: &[Line], out: &mut (dyn Write + Send)) -> std::io::Result<()> {
    for line in lines {
        writeln!(out, "{}", serde_json::to_string(line).unwrap_or_default())?;
    }
    Ok(())
}

async fn table(
    audit: &Audit,
    log: &Log,
    filter: &Filter,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    out.write_all(&csv_export::heading())?;
    let mut before = None;
    loop {
        let page = audit.entries(log, filter, before, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        before = Some(last.sequence);
        out.write_all(&csv_export::rows(page))?;
    }
}
