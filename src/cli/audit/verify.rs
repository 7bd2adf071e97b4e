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
use crate::audit::seals::fitting::Unfit;
use crate::audit::service::Audit;
use crate::audit::verifying::report::{NOT_FOUND, Report};
use crate::audit::verifying::verifier::Verifier;
use crate::audit::witnessing::witness::notes_in;
use crate::cli::failure::Failure;
use crate::cli::terminal::progress::Progress;
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
    /// Checkpoints that were kept elsewhere, and that the logs must continue: a signed text, or a file
    /// with one a line as `NAVI_AUDIT_WITNESS_FILE` has them. Can be given more than once.
    #[arg(long = "checkpoint", visible_alias = "since", value_name = "FILE")]
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
    let given = args.notes()?;
    let kept = config.audit_witness().notes()?;
    let elsewhere = Elsewhere {
        count: given.len() + kept.len(),
        unreadable: config.audit_witness().unreadable()?,
    };
    for unfit in audit.unfit_keys().await.unwrap_or_default() {
        if let Unfit::Other(id) = unfit {
            tracing::warn!(
                audit.key = %id,
                "not one seal by this key fits: if AUDIT_ENCRYPTION_KEY is another key than the server's, all \
                 that follows comes from that"
            );
        }
    }
    let mut progress = Progress::default();
    let mut shown = |log: &str, done: u64, of: u64| {
        progress.show(&format!("{}: {done} of {of} records", name(log)));
    };
    let reports = if let Some(org) = &args.org {
        let mut mine = of_log(&given, org.as_str());
        if mine.is_empty() && !given.is_empty() {
            let problem = format!("none of the given checkpoints is of the log of `{org}`");
            return Err(Failure::Usage(problem));
        }
        mine.extend(of_log(&kept, org.as_str()));
        let told = |done, of| shown(org.as_str(), done, of);
        vec![audit.verify(&Log::Org(org.clone()), &mine, told).await?]
    } else {
        let notes = [given, kept].concat();
        audit.verify_all(&notes, &mut shown).await?
    };
    progress.end();
    tell(args, &reports, &elsewhere, out)
}

/// Those of these checkpoints that are of this log.
fn of_log(notes: &[String], log: &str) -> Vec<String> {
    let is_of =
        |note: &&String| Checkpoint::read(note).is_ok_and(|read| read.checkpoint.log == log);
    notes.iter().filter(is_of).cloned().collect()
}

/// A log as people name it. One that no organisation can have was made up.
fn name(log: &str) -> String {
    let known = Log::from_name(log);
    if known.as_str() == log {
        known.to_string()
    } else {
        format!("the log of {log:?}, which no organisation is called")
    }
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
        keys.push(key.ok_or_else(|| {
            Failure::Usage(format!(
                "`{text}` is not a key of the form \
                                                            NAME+BASE64"
            ))
        })?);
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
    let elsewhere = Elsewhere {
        count: notes.len(),
        unreadable: Vec::new(),
    };
    tell(args, &[report], &elsewhere, out)
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
                return Err(Failure::Export("its first line is not a header".to_owned()));
            }
        },
        None => return Err(Failure::Export("it is empty".to_owned())),
    };
    let (mut verifier, verifying) = begin(&header, keys)?;
    let mine = of_log(notes, &header.org_id);
    if mine.is_empty() && !notes.is_empty() {
        verifier.whole("none of the given checkpoints is of this log".to_owned());
    }
    for note in mine.iter().chain(&header.checkpoint) {
        verifier.await_checkpoint(note);
    }
    let promised = header.size.unwrap_or(i64::MAX);
    let (mut progress, mut checkpoints) = (Progress::default(), 0_u64);
    let mut count = 0_u64;
    for (number, line) in lines.enumerate() {
        match serde_json::from_str(&line?) {
            Ok(Line::Record(record)) => verifier.record(&Record::from(*record)),
            Ok(Line::Checkpoint(note)) => {
                let read = Checkpoint::read(&note);
                checkpoints += u64::from(read.is_ok_and(|read| read.checkpoint.size <= promised));
                verifier.await_checkpoint(&note);
            }
            Ok(Line::Header(_)) => {
                verifier.whole(format!("line {} is a second header", number + 2));
            }
            Err(_) => verifier.whole(format!("line {} cannot be read", number + 2)),
        }
        count += 1;
        progress.show(&format!("{count} lines"));
    }
    progress.end();
    if !header.is_signed(&verifying) {
        compare_unsigned(&mut verifier, &header, &mine);
    }
    compare_promise(&mut verifier, &header, checkpoints);
    Ok(verifier.finish())
}

/// Finds an export that was cut down: to less than its header promises, or to nothing that anybody
/// signed.
fn compare_promise(verifier: &mut Verifier, header: &Header, checkpoints: u64) {
    let (size, _) = verifier.end();
    match header.size {
        Some(promised) if size < promised => verifier.whole(format!(
            "the export ends at record {size}, and its header promises {promised}"
        )),
        Some(_) => {}
        // An export of a version that wrote no hand-overs, and promised nothing.
        None => verifier.excuse_sudden_keys(),
    }
    if header
        .checkpoints
        .is_some_and(|promised| promised != checkpoints)
    {
        verifier.whole(format!(
            "the export has {checkpoints} checkpoints, and its header promises {}",
            header.checkpoints.unwrap_or_default()
        ));
    }
    if verifier.counts() == (0, 0) {
        verifier.whole(
            "it contains neither a record nor a valid checkpoint, so it proves nothing".to_owned(),
        );
    }
}

/// Finds that a header promises nothing that counts. Older versions did not sign it: then the export must end
/// where a checkpoint does that was kept elsewhere.
fn compare_unsigned(verifier: &mut Verifier, header: &Header, given: &[String]) {
    let (size, _) = verifier.end();
    let ends =
        |note: &String| Checkpoint::read(note).is_ok_and(|read| read.checkpoint.size == size);
    if header.signature.is_some() {
        verifier.whole("its header is not the one that was signed".to_owned());
    } else if !given.iter().any(ends) {
        verifier.whole(
            "its header is not signed, so a cut-off end cannot be detected: give the checkpoint \
             of its last record with --checkpoint"
                .to_owned(),
        );
    }
}

fn begin(
    header: &Header,
    mut keys: Vec<VerifyingKey>,
) -> Result<(Verifier, Vec<VerifyingKey>), Failure> {
    if header.navi_audit_export != VERSION {
        let found = header.navi_audit_export;
        return Err(Failure::Export(format!(
            "it has the format {found}, this knows {VERSION}"
        )));
    }
    if keys.is_empty() {
        tracing::warn!(
            "no key was given, so the export is verified with the keys that it contains: a \
             forger could have signed it with keys of their own"
        );
        keys = header
            .keys
            .iter()
            .filter_map(|key| VerifyingKey::parse(key))
            .collect();
    }
    let frontier = header.base.frontier();
    let frontier = frontier.ok_or_else(|| Failure::Export("its base is not valid".to_owned()))?;
    let mut verifier = Verifier::after(&header.org_id, keys.clone(), frontier);
    // A part of a log stands on its first checkpoint; only a whole one must begin at its base.
    if let Some(base) = &header.base_note {
        verifier.base(Some(base));
    }
    Ok((verifier, keys))
}

impl Args {
    fn notes(&self) -> Result<Vec<String>, Failure> {
        let mut notes = Vec::new();
        for path in &self.checkpoints {
            let text = std::fs::read_to_string(path).map_err(|source| Failure::File {
                path: path.clone(),
                source,
            })?;
            let found = notes_in(&text);
            if found.is_empty() || found.iter().any(|note| Checkpoint::read(note).is_err()) {
                let shown = path.display();
                return Err(Failure::Usage(format!(
                    "`{shown}` holds no checkpoint: give the signed text, or a file with one a line \
                     as NAVI_AUDIT_WITNESS_FILE has them"
                )));
            }
            notes.extend(found);
        }
        Ok(notes)
    }
}

/// Checkpoints that were kept elsewhere.
struct Elsewhere {
    /// The number of checkpoints.
    count: usize,
    /// The faults of parts that cannot be read, in words.
    unreadable: Vec<String>,
}

fn tell(
    args: &Args,
    reports: &[Report],
    elsewhere: &Elsewhere,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let ok = reports.iter().all(|report| report.ok) && elsewhere.unreadable.is_empty();
    if args.json {
        let answer = serde_json::json!({
            "ok": ok,
            "logs": reports,
            "kept_elsewhere": elsewhere.count,
            "unreadable": elsewhere.unreadable,
            "not_found_without_witness": NOT_FOUND,
        });
        writeln!(out, "{answer}")?;
        return Ok(ExitCode::from(u8::from(!ok)));
    }
    for report in reports {
        writeln!(out, "{}", line(report))?;
        for finding in &report.findings {
            writeln!(out, "  {finding}")?;
        }
    }
    if reports.is_empty() {
        writeln!(out, "there are no audit logs yet")?;
    }
    for problem in &elsewhere.unreadable {
        writeln!(
            out,
            "NOT WHOLE: the checkpoints kept elsewhere cannot be read: {problem}"
        )?;
    }
    let count = elsewhere.count;
    writeln!(
        out,
        "compared with {count} checkpoints that were kept elsewhere"
    )?;
    writeln!(out, "{NOT_FOUND}")?;
    Ok(ExitCode::from(u8::from(!ok)))
}

fn line(report: &Report) -> String {
    let Report {
        records,
        size,
        checkpoints,
        signed_size,
        open,
        erased,
        ..
    } = report;
    let verdict = match (report.ok, report.whole_since) {
        (false, _) => "NOT WHOLE".to_owned(),
        (true, None) => "whole".to_owned(),
        (true, Some(since)) => format!(
            "whole since record {since}, and no seal vouches for what is before, whose key was not \
             available"
        ),
    };
    let lost = report.lost_before.map_or(String::new(), |number| {
        format!(", but for records that were lost before record {number}, as it says itself")
    });
    let unsigned = match report.unsigned_checkpoints {
        0 => String::new(),
        count => format!(", {count} checkpoints of keys that are not given"),
    };
    format!(
        "{}: {verdict}{lost}. {records} records up to number {size}, {checkpoints} checkpoints held{unsigned}, \
         signed up to {signed_size}, {open} without an end, {erased} erased",
        name(&report.org_id)
    )
}
