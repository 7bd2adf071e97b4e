//! Folders of the server's own data, which nothing may look into under any spelling.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;
use nix::unistd::User;

use crate::policy::reach::links::real_path;

/// Stands in a text for a part that is not known before the command runs.
pub const UNKNOWN_PART: char = '\u{fffc}';
/// The most entries of a folder whose names are looked for in a text.
const MAX_ENTRIES: usize = 200;

/// The closed folders, and where `~` leads.
#[derive(Clone, Debug, Default)]
pub struct Closed {
    /// By their real paths.
    folders: Vec<PathBuf>,
    home: Option<PathBuf>,
}

impl Closed {
    /// These folders, for commands whose home folder this is.
    pub fn new(folders: &[PathBuf], home: Option<&Path>) -> Self {
        let real = |folder: &PathBuf| folder.canonicalize().unwrap_or_else(|_| folder.clone());
        Self {
            folders: folders.iter().map(real).collect(),
            home: home.map(Path::to_owned),
        }
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// True if a path is a closed folder or leads into one. What is not known stands for any name, and
    /// so do wildcards when the path is a pattern. It need not be normal: what is above a link is where
    /// the link leads.
    pub fn covers(&self, path: &str, is_pattern: bool) -> bool {
        self.meets(path, is_pattern, true, |real, closed| {
            real.starts_with(closed)
        })
    }

    /// True if a path is that or a folder around a closed one, so that to read all that is in it is to
    /// read that too.
    pub fn meets_any(&self, path: &str, is_pattern: bool) -> bool {
        self.meets(path, is_pattern, false, |real, closed| {
            real.starts_with(closed) || closed.starts_with(real)
        })
    }

    fn meets(
        &self,
        path: &str,
        is_pattern: bool,
        is_inside: bool,
        meets: impl Fn(&Path, &Path) -> bool,
    ) -> bool {
        if self.folders.is_empty() || path.contains('\0') {
            return false;
        }
        let path = self.expanded(path);
        let pattern = path.replace(UNKNOWN_PART, "*");
        let real = Some(Path::new(&path)).filter(|path| path.is_absolute());
        let real = real.and_then(real_path);
        let real = real.unwrap_or_else(|| PathBuf::from(&path));
        leads_through_process(&path)
            || self.folders.iter().any(|closed| {
                let is_known = !path.contains(UNKNOWN_PART);
                let is_pattern = is_pattern || !is_known;
                meets(&real, closed)
                    || (is_pattern && may_meet(&pattern, closed, is_known, is_inside))
            })
    }

    /// True if a path whose beginning is not known may lead to something that is in a closed folder.
    pub fn may_end_in(&self, rest: &str) -> bool {
        let rest = Path::new(rest.trim_start_matches('/'));
        let parts: Vec<&OsStr> = rest.iter().collect();
        let is_plain = !rest.as_os_str().is_empty()
            && rest
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
        is_plain
            && self.folders.iter().any(|closed| {
                (0..parts.len()).any(|at| {
                    let (above, below): (PathBuf, PathBuf) =
                        (parts[..at].iter().collect(), parts[at..].iter().collect());
                    let there = closed.join(below);
                    if at == 0 {
                        there.is_file()
                    } else {
                        closed.ends_with(&above) && there.exists()
                    }
                })
            })
    }

    /// True if a text names a closed folder or a file in one, so that a program in it may open that:
    /// by its absolute path, from `root` or from the home folder.
    pub fn is_named_in(&self, text: &str, root: &Path) -> bool {
        self.folders.iter().any(|closed| {
            let mut names: Vec<PathBuf> = vec![closed.clone()];
            names.extend(relative(closed, root));
            let home = self
                .home
                .as_ref()
                .and_then(|home| closed.strip_prefix(home).ok());
            names.extend(
                home.filter(|tail| tail.iter().count() > 1)
                    .map(Path::to_owned),
            );
            if let Some(name) = closed.file_name() {
                let entries = fs::read_dir(closed).into_iter().flatten().flatten();
                let files = entries
                    .take(MAX_ENTRIES)
                    .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
                names.extend(files.map(|entry| Path::new(name).join(entry.file_name())));
            }
            names
                .iter()
                .any(|name| name.to_str().is_some_and(|name| text.contains(name)))
        })
    }

    /// A path with the home folder in place of `~`.
    fn expanded(&self, path: &str) -> String {
        let Some(rest) = path.strip_prefix('~') else {
            return path.to_owned();
        };
        let (user, rest) = match rest.split_once('/') {
            Some((user, rest)) => (user, rest),
            None => (rest, ""),
        };
        let home = match user {
            "" => self.home.clone(),
            user => User::from_name(user).ok().flatten().map(|user| user.dir),
        };
        match home {
            Some(home) => format!("{}/{rest}", home.display()),
            None => path.to_owned(),
        }
    }
}

/// True if a path goes over the links of a process, which lead elsewhere for the command than for us.
fn leads_through_process(path: &str) -> bool {
    let links = ["cwd", "root", "fd", "map_files", "exe"];
    let through = |start: &str| {
        path.match_indices(start).any(|(at, _)| {
            let mut rest = path[at + start.len()..]
                .split('/')
                .filter(|part| !part.is_empty());
            let is_link = |part: &str| links.contains(&part);
            rest.any(is_link) && rest.next().is_some()
        })
    };
    through("/proc/") || (path.contains("/dev/fd/") && path.contains(".."))
}

/// True if a pattern of paths may stand for something in a folder, or, unless it has to be inside, for a
/// folder around it. A part that is not known stands for one name; that more is hidden in it cannot be
/// told.
fn may_meet(pattern: &str, folder: &Path, is_known: bool, is_inside: bool) -> bool {
    if !pattern.contains(['*', '?', '[']) {
        return false;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let names: Vec<_> = folder.iter().skip(1).map(OsStr::to_string_lossy).collect();
    if (is_inside || !is_known) && parts.len() < names.len() {
        return false;
    }
    parts.iter().zip(&names).all(|(part, name)| {
        // The shell has put every alternative in braces in its place; remaining braces are text.
        let plain = part.replace('{', "[{]").replace('}', "[}]");
        let glob = GlobBuilder::new(&plain).build();
        // A star matches no hidden name, and a part without a pattern is a name.
        let is_hidden = is_known && name.starts_with('.') && part.starts_with(['*', '?']);
        let matches = glob.map_or(*part == name, |glob| {
            glob.compile_matcher().is_match(name.as_ref())
        });
        matches && !is_hidden
    })
}

/// The path from one folder to another, when it goes up.
fn relative(to: &Path, from: &Path) -> Option<PathBuf> {
    let from = from.canonicalize().ok()?;
    let shared = to
        .iter()
        .zip(from.iter())
        .take_while(|(to, from)| to == from)
        .count();
    let up = from.iter().count() - shared;
    let path: PathBuf = std::iter::repeat_n(OsStr::new(".."), up)
        .chain(to.iter().skip(shared))
        .collect();
    // From far away it would be little more than the folder's name.
    (up > 0 && path.iter().count() > up).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_folder_is_met_under_every_spelling() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        for folder in ["home/.data/keys", "home/work/src", "home/x"] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        fs::write(base.join("home/.data/jwt"), "").unwrap();
        std::os::unix::fs::symlink("../.data/keys", base.join("home/work/link")).unwrap();
        let closed = Closed::new(&[base.join("home/.data")], Some(&base.join("home")));
        let at = |rest: &str| format!("{}/{rest}", base.display());
        for path in [
            at("home/.data"),
            at("home/.data/jwt"),
            at("home/work/../.data/jwt"),
            at("home/work/link/../jwt"),
            at("home/work/link/none"),
            at("home/.d*/jwt"),
            at("*/.[d]ata/jwt"),
            at(&format!("home/{UNKNOWN_PART}/jwt")),
            "~/.data/jwt".to_owned(),
            "/proc/self/cwd/../.data".to_owned(),
            format!("/proc/self/root{}", at("home/.data")),
        ] {
            assert!(closed.covers(&path, true), "{path}");
        }
        for path in [
            at("home"),
            at("home/x/jwt"),
            at("home/work/link/../../x"),
            at("home/*/jwt"),
            at("home/.d"),
            at(&format!("home/work/{UNKNOWN_PART}")),
            "~/x".to_owned(),
            "/proc/self/status".to_owned(),
        ] {
            assert!(!closed.covers(&path, true), "{path}");
        }
        assert!(closed.meets_any(&at("home"), false) && !closed.meets_any(&at("home/work"), false));
        assert!(closed.meets_any(&at("h*"), true) && !closed.meets_any(&at("h*"), false));
        for text in ["/*", "/{print", "/[", "/**/"] {
            assert!(
                !closed.covers(text, false) && !closed.covers(text, true),
                "{text}"
            );
        }
        for (rest, ends) in [
            ("/.data/jwt", true),
            ("jwt", true),
            ("/README.md", false),
            ("", false),
        ] {
            assert_eq!(closed.may_end_in(rest), ends, "{rest}");
        }
        let root = base.join("home/work");
        for (text, named) in [
            ("open('../.data/jwt')", true),
            ("chdir('..'); open('.data/jwt')", true),
            ("open('../data')", false),
        ] {
            assert_eq!(closed.is_named_in(text, &root), named, "{text}");
        }
    }
}
