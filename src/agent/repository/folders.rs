//! The instructions of single folders: those between a file and the root, which hold for what is in them.

use std::collections::BTreeSet;
use std::path::Path;

use crate::agent::repository::model::{RepositoryWords, ShownWords};
use crate::agent::repository::reader::{MAX_READ_BYTES, RepositoryReader};
use crate::workspace::generated::is_generated_folder;

/// The file of instructions of a folder.
const FILE: &str = "AGENTS.md";
/// The most folders whose instructions are read at once.
const MAX_FOLDERS: usize = 32;

/// The files of instructions that hold for these files, the outermost first: those of the root and of folders
/// that tools generate left out.
fn files_for(root: &Path, touched: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for path in touched {
        let Some(folder) = Path::new(path).parent() else {
            continue;
        };
        let mut around: Vec<&Path> = folder.ancestors().collect();
        around.reverse();
        for folder in around {
            if folder.as_os_str().is_empty() {
                continue;
            }
            if is_generated_folder(root, &root.join(folder)) {
                break;
            }
            let file = folder.join(FILE).to_string_lossy().into_owned();
            if seen.insert(file.clone()) {
                found.push(file);
            }
        }
    }
    found
}

/// Reads the instructions that hold for these files and were not told before, within a budget. Blocks.
pub fn read(
    reader: RepositoryReader<'_>,
    touched: &[String],
    is_told: impl Fn(&str) -> bool,
    budget: usize,
) -> ShownWords {
    let wanted = files_for(reader.workspace.root(), touched);
    let wanted = wanted.iter().filter(|path| !is_told(path));
    let found = wanted.filter_map(|path| reader.file(path, MAX_READ_BYTES));
    let words = RepositoryWords {
        files: found.take(MAX_FOLDERS).collect(),
        ..RepositoryWords::default()
    };
    words.within(budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_around_a_file_come_from_outside_in_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let touched = [
            "a/b/c.rs",
            "a/b/d.rs",
            "top.rs",
            "a/node_modules/x/y.js",
            ".git/config",
        ];
        let touched = touched.map(str::to_owned);
        assert_eq!(
            files_for(folder.path(), &touched),
            ["a/AGENTS.md", "a/b/AGENTS.md"]
        );
    }
}
