//! The files below a folder of the workspace, or that a pattern stands for, as far as a command that
//! reads them would show secrets.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

use crate::policy::paths::Places;
use crate::policy::rule::FileAccess;
use crate::policy::rules::Rules;

/// The most entries of folders that are looked at for one command.
const MAX_ENTRIES: usize = 20_000;
/// The most files that are looked into for one command, and the largest of them.
const MAX_OPENED: usize = 2_000;
const MAX_BYTES: u64 = 256 * 1024;
/// The depth to which folders are followed.
const MAX_DEPTH: usize = 24;
/// Folders below another that hold nothing of a project's own.
const SKIPPED: &[&str] = &[
    ".git",
    "node_modules",
    "target",
    ".venv",
    "venv",
    "__pycache__",
];

/// The files of a folder that a program reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileFilter {
    /// Patterns of names, of which a file has to fit one; any file when there are none.
    pub names: Vec<String>,
    /// True if what begins with a dot is left out.
    pub skips_hidden: bool,
}

/// Looks for secret files on behalf of one command.
#[derive(Debug, Default)]
pub struct Searched {
    known: HashMap<(String, FileFilter), Option<String>>,
    entries: usize,
    opened: usize,
}

impl Searched {
    /// The first secret file below a folder that `reading` covers, by its path in the workspace.
    pub(in crate::policy) fn below(
        &mut self,
        rules: &Rules,
        places: Places<'_>,
        folder: &str,
        reading: &FileFilter,
    ) -> Option<String> {
        let key = (folder.to_owned(), reading.clone());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let names: Vec<GlobMatcher> = reading.names.iter().filter_map(|name| glob(name)).collect();
        let walk = Walk {
            rules,
            places,
            names,
            reading,
        };
        let found = walk.below(folder, 0, self);
        self.known.insert(key, found.clone());
        found
    }

    /// The paths in the workspace that a pattern stands for, as a shell expands it.
    pub(in crate::policy) fn matching(&mut self, root: &Path, pattern: &str) -> Vec<String> {
        let mut paths = vec![String::new()];
        for part in pattern.split('/') {
            let wild = part.contains(['*', '?', '[']).then(|| glob(part)).flatten();
            let joined = |path: &str, name: &str| match path {
                "" => name.to_owned(),
                path => format!("{path}/{name}"),
            };
            let Some(wild) = wild else {
                for path in &mut paths {
                    *path = joined(path, part);
                }
                continue;
            };
            let mut next = Vec::new();
            for path in &paths {
                for (name, _) in self.entries(&root.join(path)) {
                    let is_shown = part.starts_with('.') || !name.starts_with('.');
                    if is_shown && wild.is_match(&name) {
                        next.push(joined(path, &name));
                    }
                }
            }
            paths = next;
        }
        paths
    }

    /// The names in a folder, and whether each is a folder itself; links are none.
    fn entries(&mut self, folder: &Path) -> Vec<(String, bool)> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let room = MAX_ENTRIES.saturating_sub(self.entries);
        let mut found: Vec<_> = entries
            .take(room)
            .map(|entry| {
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                (entry.file_name().to_string_lossy().into_owned(), is_folder)
            })
            .collect();
        self.entries += found.len();
        found.sort();
        found
    }
}

struct Walk<'a> {
    rules: &'a Rules,
    places: Places<'a>,
    names: Vec<GlobMatcher>,
    reading: &'a FileFilter,
}

impl Walk<'_> {
    fn below(&self, folder: &str, depth: usize, searched: &mut Searched) -> Option<String> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut folders = Vec::new();
        for (name, is_folder) in searched.entries(&self.places.root().join(folder)) {
            if self.reading.skips_hidden && name.starts_with('.') {
                continue;
            }
            let path = match folder {
                "." => name.clone(),
                folder => format!("{folder}/{name}"),
            };
            if is_folder {
                if !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
                continue;
            }
            let fits = self.names.is_empty() || self.names.iter().any(|glob| glob.is_match(&name));
            if fits && self.is_secret(&path, searched) {
                return Some(path);
            }
        }
        let mut folders = folders.into_iter();
        folders.find_map(|folder| self.below(&folder, depth + 1, searched))
    }

    fn is_secret(&self, path: &str, searched: &mut Searched) -> bool {
        let (name, place) = (path.to_lowercase(), self.places.absolute(path));
        let lower = place.to_string_lossy().to_lowercase();
        if !self.rules.about_file(&name, FileAccess::Read).is_empty()
            || !self.rules.about_place(&lower).is_empty()
        {
            return true;
        }
        let size = fs::metadata(&place).map_or(0, |metadata| metadata.len());
        if searched.opened >= MAX_OPENED || size > MAX_BYTES {
            return false;
        }
        searched.opened += 1;
        self.places.holds_secret(path)
    }
}

fn glob(pattern: &str) -> Option<GlobMatcher> {
    let built = GlobBuilder::new(pattern).literal_separator(true).build();
    built.ok().map(|glob| glob.compile_matcher())
}
