//! The program as an operator runs it.

#![expect(
    clippy::disallowed_methods,
    reason = "the program itself is what is tested"
)]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::app::SECRET;

/// A folder for what loads write.
pub(crate) struct LoadDesk {
    folder: TempDir,
}

/// The outcome of a load.
#[derive(Debug)]
pub(crate) struct LoadOutcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl LoadDesk {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A file of this name.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `navi load` with nothing of this process's environment but `PATH`.
    pub(crate) async fn load(&self, arguments: &[&str]) -> LoadOutcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_navi"));
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", self.folder.path())
            .env("JWT_SECRET", SECRET)
            .arg("load")
            .args(arguments)
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = output.await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        LoadOutcome {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// The same, and the raw data.
    pub(crate) async fn measure(&self, arguments: &[&str]) -> (LoadOutcome, Value) {
        let path = self.path("load.json");
        let path = path.to_str().unwrap();
        let outcome = self.load(&[arguments, &["--json", path]].concat()).await;
        let text = std::fs::read_to_string(path).unwrap_or_else(|_| "null".to_owned());
        (outcome, serde_json::from_str(&text).unwrap())
    }
}
