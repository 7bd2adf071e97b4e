//! The pictures that documents show.

#![expect(
    clippy::disallowed_methods,
    reason = "a test runs the program that draws a picture"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::documents::claims::blocks;
use crate::documents::{documents, files, read, root, table};

/// The largest that a picture may be, in bytes.
const MAX_BYTES: usize = 200_000;

/// The lines of the recording, as they are drawn.
fn drawn(picture: &str) -> Vec<String> {
    let lines = picture
        .lines()
        .filter(|line| line.starts_with("<text class="));
    lines
        .map(|line| {
            let mut text = String::new();
            for piece in line.split('<').skip(1) {
                text.push_str(piece.split_once('>').unwrap().1);
            }
            let text = text.replace("&lt;", "<").replace("&gt;", ">");
            text.replace("&amp;", "&")
        })
        .collect()
}

/// True if a line says the same every time: it has no measure and no count, and is no output of a command,
/// because outputs differ in their order.
fn is_stable(line: &str) -> bool {
    let is_output = line.trim_start().starts_with('│');
    !is_output
        && line.chars().any(char::is_alphabetic)
        && !line.contains(|c: char| c.is_ascii_digit())
}

/// A text without its spaces and line ends, which depend on what stands beside it.
fn packed(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn the_recording_shows_what_the_program_prints() {
    let mut python = Command::new("python3");
    if python.arg("--version").output().is_err() {
        println!("not run: Python is not installed");
        return;
    }
    let output = Command::new("python3")
        .arg(root().join("scripts/recording.py"))
        .args(["--text", env!("CARGO_BIN_EXE_navi"), "demo"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let real = String::from_utf8(output.stdout).unwrap();
    let real = packed(&real);
    let shown = drawn(&read("docs/pictures/demo.svg"));
    let stable: Vec<_> = shown.iter().filter(|line| is_stable(line)).collect();
    assert!(stable.len() > 20, "{shown:#?}");
    let gone: Vec<_> = stable
        .into_iter()
        .filter(|line| !real.contains(&packed(line)))
        .collect();
    assert!(
        gone.is_empty(),
        "{gone:#?} is not printed any more: run scripts/recording.sh"
    );
}

#[test]
fn every_picture_is_small_stands_alone_and_is_shown_somewhere() {
    let pictures = files("docs", ".svg");
    assert!(pictures.len() >= 2, "{pictures:?}");
    let all: String = documents().iter().map(|path| read(path)).collect();
    for path in pictures {
        let text = read(&path);
        assert!(text.len() < MAX_BYTES, "{path}: {} bytes", text.len());
        for outside in ["<script", "href=", "url(http", "@import"] {
            assert!(!text.contains(outside), "{path}: {outside}");
        }
        let name = path.rsplit('/').next().unwrap();
        assert!(
            all.contains(&format!("/{name})")) || all.contains(&format!("({name})")),
            "{path} is shown nowhere"
        );
    }
}

/// The modules of a floor in the picture of the architecture.
fn floors(picture: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut floors = BTreeMap::new();
    for part in picture.split("subgraph floor").skip(1) {
        let (floor, rest) = part.split_once('[').unwrap();
        let inside = rest.split("\n    end").next().unwrap();
        let modules = inside.lines().skip(1).map(|line| line.trim().to_owned());
        floors.insert(floor.to_owned(), modules.collect());
    }
    floors
}

#[test]
fn the_picture_of_the_architecture_has_every_module_on_its_floor() {
    let text = read("docs/architecture.md");
    let picture = blocks(&text)
        .into_iter()
        .find(|(kind, _)| *kind == "mermaid");
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in table(&text, "| floor | module |") {
        let module = row[1].trim_matches('`').to_owned();
        expected.entry(row[0].clone()).or_default().insert(module);
    }
    assert_eq!(floors(&picture.unwrap().1), expected);
    assert!(read("README.md").contains("](docs/architecture.md#the-picture)"));
}
