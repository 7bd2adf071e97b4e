//! Where a path of a command or a file tool leads.

use std::path::Path;

use crate::policy::judge::call::HOLE;
use crate::policy::judge::shell_state::Directory;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into the workspace; the path relative to it, `.` for itself.
    Inside(String),
    /// Into the folder for temporary files.
    Temporary(String),
    /// Somewhere else; the absolute path, or one that begins with `~`.
    Outside(String),
    /// Nobody knows.
    Unknown,
}

/// Paths of one workspace.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    root: &'a Path,
}

impl<'a> Places<'a> {
    /// Paths of the workspace at `root`.
    pub fn new(root: &'a Path) -> Self {
        Self { root }
    }

    /// The workspace's path as text.
    pub fn root_text(&self) -> String {
        self.root.to_string_lossy().into_owned()
    }

    /// The workspace's path.
    pub fn root(&self) -> &'a Path {
        self.root
    }

    /// Where `path` leads from `directory`, by its text.
    pub fn of(&self, path: &str, directory: &Directory) -> Place {
        let root = self.root_text();
        let absolute = if path.starts_with(['/', '~']) {
            path.to_owned()
        } else {
            match directory {
                Directory::Unknown => return Place::Unknown,
                Directory::At(at) if at.starts_with(['/', '~']) => format!("{at}/{path}"),
                Directory::At(at) => format!("{root}/{at}/{path}"),
            }
        };
        let normal = normalised(&absolute);
        if normal == root {
            return Place::Inside(".".to_owned());
        }
        if let Some(inside) = normal.strip_prefix(&format!("{root}/")) {
            return Place::Inside(inside.to_owned());
        }
        // A workspace may lie there too, and what is beside it is not for temporary files.
        let temporary = normal.starts_with("/tmp/") || normal.starts_with("/var/tmp/");
        let named =
            path.starts_with('/') || matches!(directory, Directory::At(at) if at.starts_with('/'));
        if temporary && named {
            return Place::Temporary(normal);
        }
        Place::Outside(normal)
    }

    /// Where a link at `relative` leads, when there is one: the path relative to the workspace, or
    /// the absolute path. Paths that do not exist lead where their text says.
    pub fn resolved(&self, relative: &str) -> Option<Place> {
        if relative.contains([HOLE, '\0']) {
            return None;
        }
        let real = self.root.join(relative).canonicalize().ok()?;
        let root = self.root.canonicalize().ok()?;
        Some(match real.strip_prefix(&root) {
            Ok(inside) if inside.as_os_str().is_empty() => Place::Inside(".".to_owned()),
            Ok(inside) => Place::Inside(inside.to_string_lossy().into_owned()),
            Err(_) => Place::Outside(real.to_string_lossy().into_owned()),
        })
    }
}

/// A path without `.`, `..`, doubled and trailing slashes, as text.
pub fn normalised(path: &str) -> String {
    let home = path.starts_with('~');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            // Above the home directory is where the other users' are.
            ".." if parts == ["~"] => parts = vec!["home"],
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if home && joined.starts_with('~') {
        joined
    } else {
        format!("/{joined}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_their_text_says() {
        let places = Places::new(Path::new("/srv/space"));
        let here = Directory::At(".".to_owned());
        for (path, place) in [
            ("a/../.env", Place::Inside(".env".to_owned())),
            (".//x/", Place::Inside("x".to_owned())),
            ("..", Place::Outside("/srv".to_owned())),
            ("../space/a", Place::Inside("a".to_owned())),
            ("../space2", Place::Outside("/srv/space2".to_owned())),
            ("~/.ssh/../x", Place::Outside("~/x".to_owned())),
            ("/tmp/../etc", Place::Outside("/etc".to_owned())),
            ("/tmp/x", Place::Temporary("/tmp/x".to_owned())),
        ] {
            assert_eq!(places.of(path, &here), place, "{path}");
        }
    }
}
