//! `navi keys generate`: secrets that the service accepts.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::platform::secret::ExposeSecret;
use crate::vault::key;

/// Which secret to make, and how to print it.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// The secret.
    pub purpose: Purpose,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// The purpose of a secret. All are 32 random bytes; they differ in where they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    /// The key that seals the audit log.
    Audit,
    /// The key that seals tokens of connected accounts on a developer's machine; production uses
    /// KMS.
    Token,
    /// The secret that signs bearer tokens.
    Jwt,
}

impl Purpose {
    /// The setting that takes it.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Audit => "AUDIT_ENCRYPTION_KEY",
            Self::Token => "DEV_ENCRYPTION_KEY",
            Self::Jwt => "JWT_SECRET",
        }
    }
}

/// Writes a new secret, and nothing else, to `out`. A person at a terminal is told where it goes.
pub fn generate(args: Args, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let secret = key::generate()?;
    let secret = secret.expose_secret();
    let setting = args.purpose.setting();
    if args.json {
        writeln!(out, "{}", json!({ "setting": setting, "value": secret }))?;
    } else {
        writeln!(out, "{secret}")?;
    }
    if std::io::stderr().is_terminal() {
        let hint = format!("put it into {setting}; it is shown this once and kept nowhere\n");
        std::io::stderr().write_all(hint.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}
