//! `navi audit adopt`.

use std::io::Write;
use std::process::ExitCode;

use crate::audit::adopting::{Adoption, Despite};
use crate::audit::model::Log;
use crate::audit::note::Checkpoint;
use crate::audit::service::Audit;
use crate::cli::audit::opened::Which;
use crate::cli::failure::Failure;
use crate::config::settings::Config;

/// Goes on with logs whose sealing key is lost.
///
/// A server appends nothing to a log whose seal it cannot check. When the key is not lost, name it in
/// `AUDIT_ENCRYPTION_KEYS_PREVIOUS` instead. What is adopted must be whole by itself and come to every
/// checkpoint that is known; then a record says that the seal before was not available, and the current
/// key seals the log. From that record on it can be verified as before; for what is older no seal
/// vouches, and `navi audit verify` says so.
#[derive(Clone, Debug, clap::Args)]
pub struct AdoptArgs {
    /// Which log.
    #[command(flatten)]
    pub which: Which,
    /// Every log that needs it.
    #[arg(long, conflicts_with_all = ["org", "server"])]
    pub all: bool,
    /// Also go on with a log whose seal does not fit its key: its end was changed without the key.
    #[arg(long)]
    pub broken_seal: bool,
    /// Also go on with a log that had more records, or of which nothing is left: after a backup was restored,
    /// or a replica took over that had not got everything. Restart the servers then.
    #[arg(long)]
    pub rolled_back: bool,
}

/// Runs the command. Exit code 1 when a log was not adopted that needs it.
pub async fn run(
    args: &AdoptArgs,
    config: &Config,
    audit: &Audit,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let notes = config.audit_witness().notes()?;
    let logs = if args.all {
        audit.known_logs(&notes).await?
    } else {
        vec![args.which.one()?]
    };
    let despite = Despite {
        broken_seal: args.broken_seal,
        rolled_back: args.rolled_back,
    };
    let mut ok = true;
    for log in &logs {
        let mine = notes.iter().filter(|note| is_of(note, log)).cloned();
        let mine: Vec<String> = mine.collect();
        match audit.adopt(log, despite, &mine).await {
            Ok(adoption) => {
                ok &= !matches!(adoption, Adoption::Shortened { .. });
                writeln!(out, "{log}: {}", told(log, adoption))?;
            }
            Err(error) => {
                ok = false;
                writeln!(out, "{log}: NOT ADOPTED. {error}")?;
            }
        }
    }
    if logs.is_empty() {
        writeln!(out, "there are no audit logs yet")?;
    }
    audit.name_soon().await;
    Ok(ExitCode::from(u8::from(!ok)))
}

fn is_of(note: &str, log: &Log) -> bool {
    Checkpoint::read(note).is_ok_and(|read| read.checkpoint.log == log.as_str())
}

fn told(log: &Log, adoption: Adoption) -> String {
    match adoption {
        Adoption::Unneeded => "its seal fits; there is nothing to do".to_owned(),
        Adoption::Shortened { size, known } => format!(
            "NOT ADOPTED. It ends with record {size}, and a checkpoint says that it had {known}: if a backup \
             was restored, run `navi audit adopt {} --rolled-back`",
            log.flag()
        ),
        Adoption::Signed => "its seal fits; its checkpoint was signed again or restored".to_owned(),
        Adoption::Adopted { since, cause } => {
            format!("adopted from record {since} on; {}", cause.as_str())
        }
    }
}
