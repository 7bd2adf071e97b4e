//! Tests of the claims of documents.

mod answers;
mod api;
mod capacity;
mod chapters;
pub(crate) mod claims;
pub(crate) mod clients;
mod curls;
mod decisions;
mod deployment;
mod diagrams;
mod examples;
mod learning;
mod models;
mod operating;
mod operators;
mod performance;
mod pictures;
mod readiness;
mod runbooks;
mod telemetry;
mod thread;

use std::path::{Path, PathBuf};

/// The folder of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The files below a folder of the repository that end with `ending`, as paths from its root.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut folders = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// Every document for people.
fn documents() -> Vec<String> {
    let mut found = vec![
        "README.md".to_owned(),
        "CONTRIBUTING.md".to_owned(),
        "clients/typescript/README.md".to_owned(),
    ];
    for folder in ["docs", "migrations", "examples", "kubernetes", "systemd"] {
        found.extend(files(folder, ".md"));
    }
    found
}

/// The rows of the table whose heading begins with `heading`, without their markup, by cells.
pub(crate) fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(heading));
    assert!(lines.next().is_some(), "there is no table `{heading}`");
    lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let inner = line.trim_matches('|');
            inner
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

/// The words between backticks.
pub(crate) fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
