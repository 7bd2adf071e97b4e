//! Prometheus's and Alertmanager's own programs.

#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for Prometheus and starts its programs"
)]
#![expect(clippy::print_stdout, reason = "a test says when it did nothing")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder that holds Prometheus's programs; without one, what needs them is not run.
pub(crate) fn prometheus() -> Option<PathBuf> {
    let folder = std::env::var_os("NAVI_PROMETHEUS").map(PathBuf::from);
    if folder.is_none() {
        println!(
            "not run: NAVI_PROMETHEUS names no folder with Prometheus; scripts/prometheus.sh finds or unpacks it"
        );
    }
    folder
}

/// Runs a program in the folder of the rules to its end, which must be a good one; answers with what it printed.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(folder.join(program))
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("prometheus"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}
