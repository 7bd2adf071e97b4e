//! The folders that workspaces may lie in, as a setting names them.

use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use crate::platform::ids::OrgId;
use crate::workspace::place::{overlap, place_of};

/// Stands for the name of an organisation.
const ORG: &str = "{org}";

/// The folders that workspaces may lie in; without any, every folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots(Vec<RootFolder>);

/// A folder that workspaces may lie in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RootFolder {
    /// The folder; before `{org}`, when that is in it.
    path: PathBuf,
    kind: RootKind,
}

/// The organisations that work in a root.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RootKind {
    /// Everybody's.
    Shared,
    /// Those of one organisation.
    Named(OrgId),
    /// In it, each organisation has the folder of its name, or this folder in that.
    Each { below: PathBuf },
}

/// A text that names no roots.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoots {
    /// Nothing stands between two colons.
    #[error("an entry is empty; {EXPECTED}")]
    Empty,
    /// An entry is no absolute path.
    #[error("`{0}` is not an absolute path, with or without an organisation; {EXPECTED}")]
    NotAbsolute(String),
    /// An entry goes up.
    #[error("`{0}` has `..` in it; name the folder itself")]
    GoesUp(String),
    /// The name before the path is none.
    #[error("`{0}` names no organisation: {1}")]
    Org(String, crate::platform::ids::InvalidTextId),
    /// Something else than `{org}` stands in braces, or it is no whole name of a folder.
    #[error("`{0}` has a brace outside of a folder called {ORG}; {EXPECTED}")]
    Brace(String),
    /// `{org}` twice, or in the folder of one organisation.
    #[error("`{0}` names its organisation twice")]
    Twice(String),
    /// Two organisations would have one folder.
    #[error("`{0}` and `{1}` overlap, and are for different organisations")]
    Overlap(String, String),
    /// A folder of one organisation would be everybody's.
    #[error("`{0}` lies in `{1}`, which is for one organisation alone")]
    Inside(String, String),
}

/// The forms of an entry, for error messages.
const EXPECTED: &str = "entries are separated by colons: /srv/shared for all organisations, \
                        acme=/srv/acme for one, /srv/{org} for each the folder of its name";

impl FromStr for Roots {
    type Err = InvalidRoots;

    fn from_str(text: &str) -> Result<Self, InvalidRoots> {
        let mut roots: Vec<(&str, RootFolder)> = Vec::new();
        for entry in text.split(':') {
            let root = RootFolder::parse(entry)?;
            for (other_entry, other) in &roots {
                root.beside(other, entry, other_entry)?;
                other.beside(&root, other_entry, entry)?;
            }
            roots.push((entry, root));
        }
        Ok(Self(roots.into_iter().map(|(_, root)| root).collect()))
    }
}

impl Roots {
    /// The folders of them that are none on this machine.
    pub fn missing(&self) -> impl Iterator<Item = &Path> {
        let folders = self.0.iter().map(|root| root.path.as_path());
        folders.filter(|folder| !folder.is_dir())
    }
}

impl RootFolder {
    fn parse(entry: &str) -> Result<Self, InvalidRoots> {
        let named = || entry.to_owned();
        if entry.is_empty() {
            return Err(InvalidRoots::Empty);
        }
        let (org, path) = match entry.split_once("=/") {
            Some((org, _)) if !org.starts_with('/') => (Some(org), &entry[org.len() + 1..]),
            Some(_) | None => (None, entry),
        };
        let org = org.map(OrgId::from_str).transpose();
        let org = org.map_err(|error| InvalidRoots::Org(named(), error))?;
        let path = Path::new(path);
        if !path.is_absolute() {
            return Err(InvalidRoots::NotAbsolute(named()));
        }
        let mut before = PathBuf::new();
        let mut below: Option<PathBuf> = None;
        for component in path.components() {
            let name = component.as_os_str();
            let has_brace = name.to_string_lossy().contains(['{', '}']);
            if component == Component::ParentDir {
                return Err(InvalidRoots::GoesUp(named()));
            } else if name != ORG {
                if has_brace {
                    return Err(InvalidRoots::Brace(named()));
                }
                below.as_mut().unwrap_or(&mut before).push(name);
            } else if below.is_some() || org.is_some() {
                return Err(InvalidRoots::Twice(named()));
            } else {
                below = Some(PathBuf::new());
            }
        }
        let kind = match (org, below) {
            (Some(org), _) => RootKind::Named(org),
            (None, Some(below)) => RootKind::Each { below },
            (None, None) => RootKind::Shared,
        };
        Ok(Self { path: before, kind })
    }

    /// Refuses what would make one folder that of two. Links are not looked at here; what they lead to
    /// is refused to both.
    fn beside(&self, other: &Self, entry: &str, other_entry: &str) -> Result<(), InvalidRoots> {
        let both = || (entry.to_owned(), other_entry.to_owned());
        match (&self.kind, &other.kind) {
            (RootKind::Named(one), RootKind::Named(another))
                if one != another && overlap(&self.path, &other.path) =>
            {
                let (one, another) = both();
                Err(InvalidRoots::Overlap(another, one))
            }
            (RootKind::Shared, RootKind::Named(_)) if self.path.starts_with(&other.path) => {
                let (inner, outer) = both();
                Err(InvalidRoots::Inside(inner, outer))
            }
            (RootKind::Shared | RootKind::Named(_), RootKind::Each { below }) => {
                let Ok(rest) = self.path.strip_prefix(&other.path) else {
                    return Ok(());
                };
                let mut rest = rest.components();
                let (Some(name), inner) = (rest.next(), rest.as_path()) else {
                    return Ok(());
                };
                let is_own = matches!(&self.kind, RootKind::Named(org)
                    if component(org) == name.as_os_str().to_str());
                if inner.starts_with(below) && inner != below && !is_own {
                    let (inner, outer) = both();
                    return Err(InvalidRoots::Inside(inner, outer));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Roots {
    /// True if a workspace of an organisation may be at a place. A folder that is another one's by the
    /// setting, or holds such a one, never may.
    pub fn admit(&self, org: &OrgId, place: &Path) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let mut is_ours = false;
        // The depth of the deepest folder that the setting names letter by letter and that the place
        // lies in. It goes before a folder that has the name of an organisation by chance.
        let mut literal = 0;
        for root in &self.0 {
            let real = place_of(&root.path);
            match &root.kind {
                RootKind::Named(other) if other != org => {
                    if overlap(place, &real) {
                        return false;
                    }
                }
                RootKind::Shared | RootKind::Named(_) if place.starts_with(&real) => {
                    is_ours = true;
                    // A link may have been put there by a user who may write beside it.
                    if !root.path.is_symlink() {
                        literal = literal.max(depth(&real));
                    }
                }
                RootKind::Shared | RootKind::Named(_) | RootKind::Each { .. } => {}
            }
        }
        for root in &self.0 {
            if let RootKind::Each { below } = &root.kind {
                match of_each(&place_of(&root.path), below, org, place) {
                    ByName::Ours => is_ours = true,
                    ByName::Theirs { depth } if depth > literal => return false,
                    ByName::Theirs { .. } | ByName::Neither => {}
                }
            }
        }
        is_ours
    }
}

/// The owner of a place, by the name of a folder that holds it.
enum ByName {
    Ours,
    /// Another organisation's, or all organisations'; with the depth of the folder.
    Theirs {
        depth: usize,
    },
    Neither,
}

fn of_each(root: &Path, below: &Path, org: &OrgId, place: &Path) -> ByName {
    let all = ByName::Theirs { depth: usize::MAX };
    let Ok(rest) = place.strip_prefix(root) else {
        let own = component(org).map(|name| place_of(&root.join(name).join(below)));
        return match own {
            // Its folder is a link.
            Some(own) if place.starts_with(&own) => ByName::Ours,
            _ if root.starts_with(place) => all,
            Some(_) | None => ByName::Neither,
        };
    };
    let mut rest = rest.components();
    let Some(name) = rest.next() else {
        return all;
    };
    let inner = rest.as_path();
    if Some(name.as_os_str()) == component(org).map(AsRef::as_ref) {
        return if inner.starts_with(below) {
            ByName::Ours
        } else {
            ByName::Neither
        };
    }
    if overlap(inner, below) {
        return ByName::Theirs {
            depth: depth(root) + 1 + depth(below),
        };
    }
    ByName::Neither
}

/// The name of an organisation as that of a folder; none when it could lead elsewhere or look like
/// another one.
fn component(org: &OrgId) -> Option<&str> {
    let name = org.as_str();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (name.bytes().all(is_plain) && !name.starts_with('.')).then_some(name)
}

fn depth(path: &Path) -> usize {
    path.components().count()
}

#[cfg(test)]
#[path = "roots_tests.rs"]
mod tests;
