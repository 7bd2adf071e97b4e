//! `navi audit verify`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::audit::export::{Header, Line, VERSION};
use crate::audit::keyring::Keyring;
use crate::audit::model::Log;
use crate::audit::note::{Checkpoint, VerifyingKey};
use crate::audit::record::Record;
use crate::audit::service::Audit;
use crate::audit::verify::{Report, Verifier};
use crate::audit::witness::Witness;
use crate::cli::failure::Failure;
use crate::cli::progress::Progress;
use crate::config::settings::Config;
use crate::platform::ids::OrgId;

/// Which logs, and against what.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// An export to verify instead of the database; `-` reads the standard input.
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// Verify this organisation's log alone, not all of them.
    #[arg(long, value_name = "ORG", conflicts_with = "export")]
    pub org: Option<OrgId>,
    /// A checkpoint that was kept elsewhere, and that the log must continue. Can be given more than once.
    #[arg(long = "checkpoint", value_name = "FILE")]
    pub checkpoints: Vec<PathBuf>,
    /// A key that signs checkpoints, `NAME+BASE64`. Without any, an export is verified with
    /// `AUDIT_ENCRYPTION_KEY`, or else with the keys that it names itself, which proves less.
    #[arg(long = "key", value_name = "KEY")]
    pub keys: Vec<String>,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Verifies logs in the database. Exit code 1 when something is not as it should be.
pub async fn run(
    args: &Args,
    config: &Config,
    audit: &Audit,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let notes = args.notes()?;
    let keys = audit.verifying_keys();
    let folder = config
        .data_dir()
        .ok()
        .map(|folder| folder.join("audit-checkpoints"));
    let witness = folder.map(Witness::in_folder);
    let logs = match &args.org {
        Some(org) => vec![Log::Org(org.clone())],
        None => all_logs(audit, &notes, witness.as_ref()).await?,
    };
    let mut reports = Vec::new();
    for log in &logs {
        let mine = |note: &&String| {
            Checkpoint::open(note, &keys)
                .map_or(logs.len() == 1, |checkpoint| checkpoint.log == log.as_str())
        };
        let mut elsewhere: Vec<String> = notes.iter().filter(mine).cloned().collect();
        elsewhere.extend(witness.as_ref().and_then(|witness| witness.note(log)));
        let mut progress = Progress::default();
        let report = audit
            .verify(log, &elsewhere, |done, of| {
                progress.show(&format!("{log}: {done} of {of} records"));
            })
            .await?;
        progress.end();
        reports.push(report);
    }
    tell(args, &reports, out)
}

/// The logs in the database, and those that somebody remembers.
async fn all_logs(
    audit: &Audit,
    notes: &[String],
    witness: Option<&Witness>,
) -> Result<Vec<Log>, Failure> {
    let keys = audit.verifying_keys();
    let mut logs = audit.logs().await?;
    logs.extend(
        witness
            .map(|witness| witness.logs(&keys))
            .into_iter()
            .flatten(),
    );
    let given = notes
        .iter()
        .filter_map(|note| Checkpoint::open(note, &keys).ok());
    logs.extend(given.map(|checkpoint| Log::from_name(&checkpoint.log)));
    logs.sort();
    logs.dedup();
    Ok(logs)
}

/// Verifies an export.
pub fn offline(
    args: &Args,
    config: &Config,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let Some(path) = &args.export else {
        return Ok(ExitCode::SUCCESS);
    };
    let notes = args.notes()?;
    let mut keys = Vec::new();
    for text in &args.keys {
        let key = VerifyingKey::parse(text);
        keys.push(key.ok_or_else(|| Failure::Usage(format!("`{text}` is no key, NAME+BASE64")))?);
    }
    if keys.is_empty() && config.audit.audit_encryption_key.is_some() {
        keys = config.audit_keys().map(|ring| verifying(&ring))?;
    }
    let reader: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let file = File::open(path).map_err(|source| Failure::File {
            path: path.clone(),
            source,
        })?;
        Box::new(BufReader::with_capacity(1 << 20, file))
    };
    let report = verify_lines(reader, keys, &notes)?;
    tell(args, &[report], out)
}

fn verifying(ring: &Keyring) -> Vec<VerifyingKey> {
    ring.all().map(VerifyingKey::of).collect()
}

/// Verifies the lines of an export.
pub fn verify_lines(
    reader: impl BufRead,
    keys: Vec<VerifyingKey>,
    notes: &[String],
) -> Result<Report, Failure> {
    let mut lines = reader.lines();
    let header = match lines.next().transpose()? {
        Some(line) => match serde_json::from_str(&line) {
            Ok(Line::Header(header)) => header,
            Ok(Line::Record(_) | Line::Checkpoint(_)) | Err(_) => {
                return Err(Failure::Export("its first line is no header".to_owned()));
            }
        },
        None => return Err(Failure::Export("it is empty".to_owned())),
    };
    let mut verifier = begin(&header, keys)?;
    for note in notes {
        verifier.await_checkpoint(note);
    }
    let mut progress = Progress::default();
    let mut count = 0_u64;
    for (number, line) in lines.enumerate() {
        match serde_json::from_str(&line?) {
            Ok(Line::Record(record)) => verifier.record(&Record::from(*record)),
            Ok(Line::Checkpoint(note)) => verifier.await_checkpoint(&note),
            Ok(Line::Header(_)) => {
                verifier.whole(format!("line {} is a second header", number + 2));
            }
            Err(_) => verifier.whole(format!("line {} cannot be read", number + 2)),
        }
        count += 1;
        progress.show(&format!("{count} lines"));
    }
    progress.end();
    Ok(verifier.finish())
}

fn begin(header: &Header, mut keys: Vec<VerifyingKey>) -> Result<Verifier, Failure> {
    if header.navi_audit_export != VERSION {
        let found = header.navi_audit_export;
        return Err(Failure::Export(format!(
            "it has the format {found}, this knows {VERSION}"
        )));
    }
    if keys.is_empty() {
        tracing::warn!(
            "no key was given, so the export is verified with the keys that it names itself: whoever \
             made it anew could have signed it anew"
        );
        keys = header
            .keys
            .iter()
            .filter_map(|key| VerifyingKey::parse(key))
            .collect();
    }
    let frontier = header.base.frontier();
    let frontier = frontier.ok_or_else(|| Failure::Export("its base is none".to_owned()))?;
    let mut verifier = Verifier::after(&header.org_id, keys, frontier);
    // A part of a log stands on its first checkpoint; only a whole one must begin at its base.
    if let Some(base) = &header.base_note {
        verifier.base(Some(base));
    }
    Ok(verifier)
}

impl Args {
    fn notes(&self) -> Result<Vec<String>, Failure> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|source| Failure::File {
                path: path.clone(),
                source,
            })
        };
        self.checkpoints.iter().map(read).collect()
    }
}

fn tell(
    args: &Args,
    reports: &[Report],
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let ok = reports.iter().all(|report| report.ok);
    if args.json {
        let answer = serde_json::json!({"ok": ok, "logs": reports});
        writeln!(out, "{answer}")?;
        return Ok(ExitCode::from(u8::from(!ok)));
    }
    for report in reports {
        let log = Log::from_name(&report.org_id);
        let Report {
            records,
            size,
            checkpoints,
            signed_size,
            open,
            erased,
            ..
        } = report;
        let verdict = if report.ok { "whole" } else { "NOT WHOLE" };
        writeln!(
            out,
            "{log}: {verdict}. {records} records up to number {size}, {checkpoints} checkpoints \
             held, signed up to {signed_size}, {open} without an end, {erased} erased"
        )?;
        for finding in &report.findings {
            writeln!(out, "  {finding}")?;
        }
    }
    if reports.is_empty() {
        writeln!(out, "there are no audit logs yet")?;
    }
    Ok(ExitCode::from(u8::from(!ok)))
}
