//! The source files, and what each defines and imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::definitions::{Definition, defining_macros, definitions, exported_macros};
use crate::imports::{Names, names};
use crate::tokens::{Token, tokens, without_tests};

/// A source file without its tests.
pub(crate) struct Source {
    /// The path below `src`.
    pub(crate) path: String,
    /// The number of lines that are not tests.
    pub(crate) lines: usize,
    pub(crate) tokens: Vec<Token>,
    pub(crate) names: Names,
    pub(crate) definitions: Vec<Definition>,
}

/// All source files that are more than tests.
pub(crate) struct Tree {
    pub(crate) sources: Vec<Source>,
    /// The file of each module, by its path from the crate's root.
    files: BTreeMap<Vec<String>, usize>,
    /// The file of each macro that is reached from the crate's root.
    macros: BTreeMap<String, usize>,
}

/// True if a file holds tests and nothing else.
fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap();
    name == "tests.rs" || name.ends_with("_tests.rs") || path.contains("/tests/")
}

/// The module that a file is: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module_path(path: &str) -> Vec<String> {
    let parts = path.strip_suffix(".rs").unwrap().split('/');
    let mut parts: Vec<_> = parts.map(str::to_owned).collect();
    if ["mod", "lib"].contains(&parts.last().unwrap().as_str()) {
        parts.pop();
    }
    parts
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let (tokens, lines_of_tests) = without_tests(&tokens(text));
        Self {
            path: path.to_owned(),
            lines: text.lines().count().saturating_sub(lines_of_tests),
            names: names(&tokens, &module_path(path)),
            definitions: Vec::new(),
            tokens,
        }
    }

    /// The file's name without its ending.
    pub(crate) fn stem(&self) -> &str {
        self.name().rsplit('/').next().unwrap()
    }

    /// The path without the ending.
    pub(crate) fn name(&self) -> &str {
        self.path.strip_suffix(".rs").unwrap()
    }

    /// The top-level module.
    pub(crate) fn module(&self) -> &str {
        self.name().split('/').next().unwrap()
    }

    /// The folder that the file stands in; empty for `src` itself.
    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The module that this file is, from the crate's root.
    pub(crate) fn module_path(&self) -> Vec<String> {
        module_path(&self.path)
    }

    /// True if the file is the face of a folder.
    pub(crate) fn is_face(&self) -> bool {
        ["mod", "lib"].contains(&self.stem())
    }
}

/// The files below `src`, with their texts.
pub(crate) fn read() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let below = path.strip_prefix(&root).unwrap().to_str().unwrap();
                found.push((below.to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Something of ours that a file imports.
pub(crate) struct Import<'a> {
    pub(crate) line: usize,
    /// The path from the crate's root, without `crate`.
    pub(crate) path: &'a [String],
    /// The file that the path leads to.
    pub(crate) file: &'a Source,
    /// The rest of the path in that file: empty if the file itself is meant.
    pub(crate) item: &'a [String],
}

impl Tree {
    pub(crate) fn new(texts: &[(String, String)]) -> Self {
        let code = texts.iter().filter(|(path, _)| !is_test(path));
        let mut sources: Vec<_> = code.map(|(path, text)| Source::new(path, text)).collect();
        let defining: BTreeSet<_> = sources
            .iter()
            .flat_map(|source| defining_macros(&source.tokens))
            .collect();
        let mut files = BTreeMap::new();
        let mut macros = BTreeMap::new();
        for (at, source) in sources.iter_mut().enumerate() {
            source.definitions = definitions(&source.tokens, &defining);
            files.insert(source.module_path(), at);
            macros.extend(exported_macros(&source.tokens).map(|name| (name, at)));
        }
        Self {
            sources,
            files,
            macros,
        }
    }

    /// The file that a path from the crate's root leads to, and what is left of the path there.
    pub(crate) fn find<'a>(&'a self, path: &'a [String]) -> Option<(&'a Source, &'a [String])> {
        let known = |length: &usize| self.files.contains_key(&path[..*length]);
        let length = (1..=path.len()).rev().find(known);
        let (at, item) = match length {
            Some(length) => (self.files[&path[..length]], &path[length..]),
            None => (*self.macros.get(path.first()?)?, path),
        };
        Some((&self.sources[at], item))
    }

    /// The imports of a file from other files.
    pub(crate) fn imports<'a>(&'a self, source: &'a Source) -> impl Iterator<Item = Import<'a>> {
        let ours = source.names.paths.iter().filter_map(|(path, line)| {
            let path = path.strip_prefix(&["crate".to_owned()])?;
            let (file, item) = self.find(path)?;
            Some(Import {
                line: *line,
                path,
                file,
                item,
            })
        });
        ours.filter(|import| import.file.path != source.path)
    }
}
