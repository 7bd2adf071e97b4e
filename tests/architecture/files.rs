//! Rules for a file by itself: its size, its folder, its role, and what it may name.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{House, MAX_FILES, MAX_LINES};
use crate::tokens::{Token, stands};
use crate::tree::{Source, Tree};

/// The number of files at the top of each folder, without its face.
fn folders(tree: &Tree) -> BTreeMap<&str, usize> {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for source in tree.sources.iter().filter(|source| !source.is_face()) {
        *folders.entry(source.folder()).or_default() += 1;
    }
    folders
}

/// Files that are too long, and folders that are too full.
pub(crate) fn sizes(tree: &Tree, house: &House) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in tree.sources.iter().filter(|one| one.lines > MAX_LINES) {
        let (path, lines) = (&source.path, source.lines);
        wrong.push(format!(
            "{path}: {lines} lines without its tests, {MAX_LINES} at most; split it by what it does"
        ));
    }
    let mut folders = folders(tree);
    for (folder, ceiling) in house.ceilings {
        folders.entry(folder).or_default();
        if *ceiling <= MAX_FILES {
            wrong.push(format!(
                "{folder}: {ceiling} files need no ceiling; take it out of CEILINGS"
            ));
        }
    }
    for (folder, count) in folders {
        let ceiling = house.ceilings.iter().find(|(named, _)| *named == folder);
        match ceiling {
            None if count > MAX_FILES => wrong.push(format!(
                "{folder}: {count} files at its top, {MAX_FILES} at most; group them in folders"
            )),
            Some((_, ceiling)) if count > *ceiling => wrong.push(format!(
                "{folder}: {count} files at its top, {ceiling} at most; put the new one in a folder"
            )),
            Some((_, ceiling)) if count < *ceiling => wrong.push(format!(
                "{folder}: only {count} files at its top; lower the ceiling in CEILINGS from {ceiling}"
            )),
            _ => {}
        }
    }
    wrong
}

/// Files that import a role above their own.
pub(crate) fn roles(tree: &Tree, house: &House) -> Vec<String> {
    let rank = |name: &str| house.roles.iter().position(|row| row.contains(&name));
    let mut wrong = BTreeSet::new();
    for source in &tree.sources {
        let own = source.module_path();
        for import in tree.imports(source) {
            // The names that stand beside each other where the two paths part.
            let apart = own.iter().zip(import.path).position(|(a, b)| a != b);
            let Some(apart) = apart.filter(|apart| *apart > 0) else {
                continue;
            };
            let (ours, theirs) = (&own[apart], &import.path[apart]);
            if rank(ours).is_some() && rank(ours) < rank(theirs) {
                wrong.insert(format!(
                    "{}:{}: in {}, {ours} may not import {theirs}; move what both need lower",
                    source.path,
                    import.line,
                    own[..apart].join("/")
                ));
            }
        }
    }
    wrong.into_iter().collect()
}

impl Source {
    fn is_at(&self, home: &str) -> bool {
        let is_folder = self.path.split('/').rev().skip(1).any(|part| part == home);
        let is_below = self.path.starts_with(&format!("{home}/"));
        self.path == home || is_below || self.stem() == home || is_folder
    }

    /// The first line that names a path with this beginning.
    fn names_outside(&self, name: &str) -> Option<usize> {
        let mut paths = self.names.paths.iter();
        let found = paths.find(|(path, _)| path.join("::").starts_with(name));
        found.map(|(_, line)| *line)
    }
}

/// Files that go round a door, and doors that are unused.
pub(crate) fn doors(tree: &Tree, house: &House) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, homes) in house.doors {
        let mut used = BTreeSet::new();
        for source in &tree.sources {
            let Some(line) = source.names_outside(name) else {
                continue;
            };
            let at_home = homes.iter().filter(|home| source.is_at(home));
            let at_home: Vec<_> = at_home.copied().collect();
            if at_home.is_empty() {
                let place = &source.path;
                let rule = match homes {
                    [] => "used nowhere; find its door in DOORS".to_owned(),
                    homes => format!("confined to {}; call what is there", homes.join(", ")),
                };
                wrong.push(format!("{place}:{line}: {name} is {rule}"));
            }
            used.extend(at_home);
        }
        for home in homes.iter().filter(|home| !used.contains(*home)) {
            wrong.push(format!("{home} does not use {name}; take it out of DOORS"));
        }
    }
    wrong
}

/// Words forbidden in every file, and the advice to use instead.
const FORBIDDEN: &[(&[&str], &str)] = &[(
    &["super", "::", "super"],
    "name the path from the crate's root",
)];

/// Calls forbidden in files with routes: `routes!` alone registers a route with its description, so
/// that tests which walk the description miss none.
const UNDESCRIBED: &[&str] = &["route", "route_service", "nest_service"];

/// Files that use forbidden words or calls, and faces that hold logic.
pub(crate) fn words(tree: &Tree, _: &House) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in &tree.sources {
        let has_routes = source.stem() == "routes" || source.module() == "http";
        for (at, token) in source.tokens.iter().enumerate() {
            let place = format!("{}:{}", source.path, token.line);
            for (said, instead) in FORBIDDEN {
                if stands(&source.tokens, at, said) {
                    wrong.push(format!("{place}: says {}; {instead}", said.concat()));
                }
            }
            for call in UNDESCRIBED {
                if has_routes && stands(&source.tokens, at, &[".", call, "("]) {
                    wrong.push(format!(
                        "{place}: says .{call}(; register routes by `routes!`"
                    ));
                }
            }
        }
        if source.is_face()
            && let Some(token) = logic(&source.tokens)
        {
            wrong.push(format!(
                "{}:{}: a {}.rs holds docs and modules only, not `{}`; give it a file",
                source.path,
                token.line,
                source.stem(),
                token.text
            ));
        }
    }
    wrong
}

/// The first token that belongs to neither an attribute nor a module of its own file.
fn logic(tokens: &[Token]) -> Option<&Token> {
    let mut rest = tokens;
    loop {
        let is_module =
            |start: usize| stands(rest, start, &["mod"]) && stands(rest, start + 2, &[";"]);
        rest = if stands(rest, 0, &["#", "!", "["]) {
            &rest[crate::tokens::closing(rest, 2) + 1..]
        } else if is_module(0) {
            &rest[3..]
        } else if stands(rest, 0, &["pub"]) && is_module(1) {
            &rest[4..]
        } else {
            return rest.first();
        };
    }
}
