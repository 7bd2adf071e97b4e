//! The places that a repository's settings lead to.

use std::path::{Component, Path, PathBuf};

/// The values of a repository's settings that name places, as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NamedPlaces {
    /// Files with more settings.
    pub(super) included: Vec<String>,
    /// Folders with hooks.
    pub(super) hooks: Vec<String>,
    /// The working tree.
    pub(super) working_tree: Option<String>,
}

impl NamedPlaces {
    /// Reads settings. What cannot be read names nothing.
    pub(super) fn of(text: &str) -> Self {
        let mut named = Self::default();
        let mut section = String::new();
        let joined = text.replace("\\\r\n", "").replace("\\\n", "");
        for line in joined.lines() {
            let mut rest = line.trim();
            if let Some(inside) = rest.strip_prefix('[') {
                let Some((name, after)) = inside.split_once(']') else {
                    continue;
                };
                let first = name.split([' ', '\t', '"']).next().unwrap_or_default();
                section = first.to_ascii_lowercase();
                rest = after.trim();
            }
            let Some((name, value)) = rest.split_once('=') else {
                continue;
            };
            let value = plain(value);
            match (section.as_str(), &*name.trim().to_ascii_lowercase()) {
                ("include" | "includeif", "path") => named.included.push(value),
                ("core", "hookspath") => named.hooks.push(value),
                ("core", "worktree") => named.working_tree = Some(value),
                _ => {}
            }
        }
        named
    }
}

/// A value without quotes, escapes and the comment behind it.
fn plain(value: &str) -> String {
    let mut read = String::new();
    let mut is_quoted = false;
    let mut signs = value.trim().chars();
    while let Some(sign) = signs.next() {
        match sign {
            '"' => is_quoted = !is_quoted,
            '\\' => read.extend(signs.next()),
            '#' | ';' if !is_quoted => break,
            sign => read.push(sign),
        }
    }
    read.trim_end().to_owned()
}

/// A named path from a folder, relative to `base`; none when it leads out of that. What does not exist
/// yet is named by its text.
pub(super) fn within(base: &Path, folder: &Path, named: &str) -> Option<PathBuf> {
    if named.is_empty() || named.starts_with(['~', '%']) || named.contains('\0') {
        return None;
    }
    let mut path = PathBuf::new();
    for part in folder.join(named).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => path.push(part),
        }
    }
    let real = path.canonicalize().unwrap_or(path);
    real.strip_prefix(base).ok().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_in_every_spelling() {
        let named = NamedPlaces::of(
            "[core] hooksPath = .husky/_\n[CORE]\n\tHOOKSPATH=\"a b\" ; why\n\
             [include]\n path = one\\\n.conf\n[includeIf \"gitdir:/x]/\"]\n[includeif \"onbranch:x\"]\n\
             path = ../two # three\n[user]\n path = no\n[core]\nworktree = ../../lib\nbare\n",
        );
        assert_eq!(named.hooks, [".husky/_", "a b"]);
        assert_eq!(named.included, ["one.conf", "../two"]);
        assert_eq!(named.working_tree.as_deref(), Some("../../lib"));
    }

    #[test]
    fn a_place_outside_is_none() {
        let (base, folder) = (Path::new("/srv/space"), Path::new("/srv/space/sub"));
        let found = |named| within(base, folder, named);
        assert_eq!(found("x"), Some(PathBuf::from("sub/x")));
        assert_eq!(found("../.git/x"), Some(PathBuf::from(".git/x")));
        for named in ["", "~/x", "/etc/hooks", "../../x", "../../space2"] {
            assert_eq!(found(named), None, "{named}");
        }
    }
}
