//! A collector that reads OTLP with OpenTelemetry's own definitions.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts the collector as a process"
)]
#![expect(clippy::print_stdout, reason = "a test says when it did nothing")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A trace of a caller.
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// The step of it from which the caller asks.
pub(crate) const PARENT: &str = "00f067aa0ba902b7";

/// A collector on this machine.
pub(crate) struct Receiver {
    process: Child,
    folder: TempDir,
    /// Its base URL.
    pub(crate) url: String,
}

impl Receiver {
    /// Starts it; the first requests are told that it is busy. None where it cannot be had.
    pub(crate) fn start(busy: u32) -> Option<Self> {
        let Some(python) = std::env::var_os("NAVI_OTLP") else {
            println!("not run: NAVI_OTLP names no Python; scripts/otlp.sh installs one");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tracing/receiver.py");
        let mut process = Command::new(python)
            .arg(program)
            .arg(folder.path().join("spans"))
            .arg(busy.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let said = BufReader::new(process.stdout.take().unwrap());
        { said }.read_line(&mut port).unwrap();
        Some(Self {
            process,
            folder,
            url: format!("http://127.0.0.1:{}", port.trim()),
        })
    }

    /// Everything that came, as text.
    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("spans")).unwrap_or_default()
    }

    /// The spans that came.
    pub(crate) fn spans(&self) -> Spans {
        let text = self.text();
        let spans = text.lines().map(|line| serde_json::from_str(line).unwrap());
        Spans(spans.collect())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Spans, and how they hang together.
#[derive(Debug)]
pub(crate) struct Spans(pub(crate) Vec<Value>);

impl Spans {
    /// Those of this name.
    pub(crate) fn named(&self, name: &str) -> Vec<&Value> {
        self.0.iter().filter(|span| span["name"] == name).collect()
    }

    /// The only one of this name.
    pub(crate) fn only(&self, name: &str) -> &Value {
        let found = self.named(name);
        assert_eq!(found.len(), 1, "{name} among {:?}", self.names());
        found[0]
    }

    /// Those below this one.
    pub(crate) fn below(&self, parent: &Value) -> Vec<&Value> {
        let id = &parent["span_id"];
        self.0.iter().filter(|span| span["parent"] == *id).collect()
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        let names = self.0.iter().map(|span| span["name"].as_str().unwrap());
        names.collect()
    }
}

/// The header of a request from that step, recorded or not.
pub(crate) fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}
