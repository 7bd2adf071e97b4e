//! The diagrams of the documents can be drawn, and the one of a run's states is true. `scripts/diagrams.sh`
//! installs what draws them and prints its folder, which `NAVI_DIAGRAMS` holds; `scripts/test.sh` does both.

#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for what draws diagrams, and starts it as a process"
)]

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use navi::runs::model::RunStatus;

use crate::documents::claims::blocks;
use crate::documents::{documents, read, root};

fn diagrams(document: &str) -> Vec<String> {
    let text = read(document);
    let blocks = blocks(&text).into_iter();
    blocks
        .filter(|(kind, _)| *kind == "mermaid")
        .map(|(_, diagram)| diagram)
        .collect()
}

#[test]
fn every_diagram_can_be_drawn() {
    let Ok(folder) = std::env::var("NAVI_DIAGRAMS") else {
        println!("not run: NAVI_DIAGRAMS names no Mermaid; scripts/diagrams.sh installs it");
        return;
    };
    let all: Vec<_> = documents()
        .iter()
        .flat_map(|document| diagrams(document))
        .chain(["flowchart TD\n  a[ --> b".to_owned()])
        .collect();
    let mut child = Command::new("node")
        .arg(root().join("tests/it/documents/diagrams.mjs"))
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&serde_json::to_vec(&all).unwrap()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let mut reasons: Vec<Option<String>> = serde_json::from_slice(&output.stdout).unwrap();
    // The last one is a mistake on purpose.
    assert!(reasons.pop().unwrap().is_some());
    let broken: Vec<_> = all
        .iter()
        .zip(reasons)
        .filter(|(_, why)| why.is_some())
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_states_of_a_run_are_those_of_the_diagram() {
    let page = diagrams("docs/life-of-a-run.md");
    let [states] = page.as_slice() else {
        panic!("{} diagrams", page.len());
    };
    let drawn: BTreeSet<_> = states
        .lines()
        .filter_map(|line| line.split_once(" --> "))
        .flat_map(|(from, to)| [from.trim(), to.split(':').next().unwrap().trim()])
        .filter(|state| *state != "[*]")
        .collect();
    let known = [
        RunStatus::Queued,
        RunStatus::Running,
        RunStatus::PausedForApproval,
        RunStatus::Completed,
        RunStatus::Failed,
        RunStatus::Canceled,
    ];
    assert_eq!(drawn, known.map(RunStatus::as_str).into());
}
