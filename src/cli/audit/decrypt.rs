//! `navi audit decrypt`.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::audit::legacy;
use crate::audit::model::EntryId;
use crate::audit::service::Audit;
use crate::audit::view::OpenedView;
use crate::cli::audit::opened::{Which, operator};
use crate::cli::failure::Failure;
use crate::config::settings::Config;

/// The payload to open, and the reason.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Whose log.
    #[command(flatten)]
    pub which: Which,
    /// The entry.
    #[arg(long, value_name = "ENTRY", required_unless_present = "original")]
    pub id: Option<EntryId>,
    /// Why; written into the log before anything is opened.
    #[arg(long, value_name = "TEXT", required_unless_present = "original")]
    pub reason: Option<String>,
    /// Read payloads of the original service from this file instead, a JSON wrapper or a row with one a line;
    /// `-` reads the standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "reason", "org", "server"])]
    pub original: Option<PathBuf>,
}

/// Opens an entry.
pub async fn run(
    args: &Args,
    audit: &Audit,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let (Some(id), Some(reason)) = (args.id, &args.reason) else {
        return Err(Failure::Usage(
            "name an entry with --id and say why with --reason".to_owned(),
        ));
    };
    let log = args.which.one()?;
    let opened = audit.decrypt(&log, id, &operator(), reason).await?;
    let view = OpenedView::new(id, opened);
    writeln!(out, "{}", serde_json::to_string(&view).unwrap_or_default())?;
    Ok(ExitCode::SUCCESS)
}

/// Opens payloads of the original service, one line for each. Exit code 4 when some do not open.
pub fn original(
    args: &Args,
    config: &Config,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let Some(path) = &args.original else {
        return Ok(ExitCode::SUCCESS);
    };
    let keys = config.audit_keys()?;
    let reader: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let file = std::fs::File::open(path).map_err(|source| Failure::File {
            path: path.clone(),
            source,
        })?;
        Box::new(BufReader::new(file))
    };
    let mut failed = false;
    for (number, line) in reader.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let row: Result<Value, _> = serde_json::from_str(&line);
        let opened = match &row {
            Ok(row) => {
                let wrapper = row.get("payload").unwrap_or(row);
                legacy::open(&keys, wrapper).map_err(|error| error.to_string())
            }
            Err(_) => Err("it is not JSON".to_owned()),
        };
        let id = row.as_ref().ok().and_then(|row| row.get("id"));
        let answer = match opened {
            Ok(payload) => json!({"line": number + 1, "id": id, "payload": payload}),
            Err(problem) => {
                failed = true;
                json!({"line": number + 1, "id": id, "problem": problem})
            }
        };
        writeln!(out, "{answer}")?;
    }
    Ok(ExitCode::from(if failed { 4 } else { 0 }))
}
