//! The documentation lines of the repository: documents, and comments of code.

use std::fs;
use std::path::{Path, PathBuf};

/// Endings of the files whose comments are documentation.
const CODE: &[&str] = &["rs", "sql", "sh", "toml", "py", "ts", "mjs"];
/// The marks that comments begin with, the longest first.
const MARKS: &[&str] = &["///", "//!", "//", "--", "#"];
/// Folders whose files are made by others, or by programs.
const FOREIGN: &[&str] = &[".git", "node_modules", "target", "vendor"];
/// Files that quote the phrases that were given up.
const QUOTING: &[&str] = &[
    "docs/CHANGELOG.md",
    "tests/architecture/prose/counting.rs",
    "tests/architecture/prose/retired.rs",
];

/// A line of documentation.
pub(crate) struct Line {
    /// The path from the repository's root.
    pub(crate) path: String,
    /// Its number in the file, counted from 1.
    pub(crate) number: usize,
    /// The text behind the mark that it begins with.
    pub(crate) text: String,
}

/// All documentation lines of the repository.
pub(crate) fn documentation() -> Vec<Line> {
    let files = files().into_iter();
    let read = files.filter(|(path, _)| !QUOTING.contains(&path.as_str()));
    read.flat_map(|(path, text)| lines(&path, &text)).collect()
}

/// All documents of the repository by their paths, with their text.
pub(crate) fn documents() -> Vec<(String, String)> {
    let files = files().into_iter();
    files.filter(|(path, _)| ending(path) == "md").collect()
}

/// The files that hold documentation, with their text.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path: PathBuf = entry.path();
            let below = path.strip_prefix(root).unwrap().to_str().unwrap();
            let is_foreign = FOREIGN.iter().any(|name| entry.file_name() == *name);
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && !is_foreign {
                folders.push(path);
            } else if kind.is_file() && is_read(below) {
                found.push((below.to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, ending)| ending)
}

fn is_read(path: &str) -> bool {
    ending(path) == "md" || CODE.contains(&ending(path))
}

/// The documentation lines of one file: all of a document, the comments of code.
pub(crate) fn lines(path: &str, text: &str) -> Vec<Line> {
    let is_document = ending(path) == "md";
    let numbered = text.lines().zip(1..);
    let found = numbered.filter_map(|(line, number)| {
        let line = line.trim_start();
        let text = if is_document {
            Some(line.strip_prefix(['>', '*', '|', '-']).unwrap_or(line))
        } else {
            MARKS.iter().find_map(|mark| line.strip_prefix(mark))
        };
        let text = text?.trim_start_matches(' ').to_owned();
        let path = path.to_owned();
        Some(Line { path, number, text })
    });
    found.collect()
}

/// True when a text holds a word or a phrase, and no longer word that contains it.
pub(crate) fn holds(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let after = text[at + phrase.len()..].chars().next();
        !text[..at].ends_with(is_word_part) && !after.is_some_and(is_word_part)
    })
}

pub(crate) fn is_word_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
