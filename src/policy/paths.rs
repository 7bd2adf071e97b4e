//! Where a path of a command or a file tool leads.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};

use crate::platform::encoding::contents::readable;
use crate::platform::hex::hex;
use crate::platform::redact::evidence::{Evidence, holds_secret};
use crate::policy::judge::call::HOLE;
use crate::policy::judge::shell_state::Directory;
use crate::policy::reach::closed::Closed;
use crate::policy::reach::links::real_path;
use crate::policy::reach::tracked::tracked;
use crate::policy::rule::FileAccess;
use crate::policy::rules::Rules;

/// The most of a file that is hashed, in bytes.
const MAX_HASHED: u64 = 16 * 1024 * 1024;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into the workspace; the path relative to it, `.` for itself.
    Inside(String),
    /// Into the folder for temporary files.
    Temporary(String),
    /// Somewhere else; the absolute path, or one that begins with `~`.
    Outside(String),
    /// Not known.
    Unknown,
}

/// Paths of one workspace.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    root: &'a Path,
    /// Folders of the server's own data.
    closed: &'a Closed,
    /// Tells whether a file holds a secret.
    holds_secret: fn(&Path, Evidence) -> bool,
    /// The folder of examples that holds a secret file.
    example: Option<&'static str>,
}

impl<'a> Places<'a> {
    /// Paths of the workspace at `root`.
    pub fn new(root: &'a Path) -> Self {
        static NONE: LazyLock<Closed> = LazyLock::new(Closed::default);
        Self {
            root,
            closed: &NONE,
            holds_secret: file_holds_secret,
            example: None,
        }
    }

    /// Where the examples of rules are judged: nothing is there but folders and files that examples
    /// name.
    pub fn of_examples() -> Self {
        static CLOSED: LazyLock<Closed> =
            LazyLock::new(|| Closed::new(&[PathBuf::from("/nowhere/server-data")], None));
        Self {
            root: Path::new("/nowhere/workspace"),
            closed: &CLOSED,
            holds_secret: |path, _| path.ends_with("config/holds-a-secret.ini"),
            example: Some("config"),
        }
    }

    /// The same, beside folders that nothing may look into.
    #[must_use]
    pub fn closing(self, closed: &'a Closed) -> Self {
        Self { closed, ..self }
    }

    /// The folders that nothing may look into.
    pub fn closed(&self) -> &'a Closed {
        self.closed
    }

    /// The absolute path of a file of the workspace, with its links followed.
    pub fn absolute(&self, relative: &str) -> PathBuf {
        let path = self.root.join(relative);
        real_path(&path).unwrap_or(path)
    }

    /// The path of a file within the workspace, whatever link leads to it; as it is given when the
    /// link leads out.
    pub fn real_name(&self, relative: &str) -> String {
        match self.resolved(relative) {
            Some(Place::Inside(real)) => real,
            Some(Place::Temporary(_) | Place::Outside(_) | Place::Unknown) | None => {
                relative.to_owned()
            }
        }
    }

    /// True if a folder is the one of examples that holds a secret file.
    pub fn is_example(&self, folder: &str) -> bool {
        self.example == Some(folder)
    }

    /// The first secret file that the repository of the workspace tracks, by its name.
    pub(super) fn tracked_secret(&self, rules: &Rules) -> Option<String> {
        let names = tracked(self.root);
        let is_secret = |name: &String| {
            let lower = name.to_lowercase();
            !rules.about_file(&lower, FileAccess::Read).is_empty()
        };
        names.into_iter().find(is_secret)
    }

    /// True if a file of the workspace holds a secret.
    pub fn holds_secret(&self, relative: &str) -> bool {
        let evidence = Evidence::of(relative);
        !relative.contains([HOLE, '\0']) && (self.holds_secret)(&self.absolute(relative), evidence)
    }

    /// The hash of a file's content; empty for a file that is not there.
    pub(super) fn content(&self, file: &str) -> String {
        let path = self.absolute(file);
        if self.example.is_some() || !path.is_file() {
            return String::new();
        }
        let mut content = Vec::new();
        let read =
            File::open(path).and_then(|file| file.take(MAX_HASHED).read_to_end(&mut content));
        read.map_or_else(|_| String::new(), |_| hex(&Sha256::digest(&content)))
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
        let Some(absolute) = self.joined(path, directory) else {
            return Place::Unknown;
        };
        let normal = normalised(&absolute);
        if normal == root {
            return Place::Inside(".".to_owned());
        }
        if let Some(inside) = normal.strip_prefix(&format!("{root}/")) {
            return Place::Inside(inside.to_owned());
        }
        // A workspace may lie there too, and what is beside it is not for temporary files.
        let named =
            path.starts_with('/') || matches!(directory, Directory::At(at) if at.starts_with('/'));
        if is_temporary(&normal) && named {
            return Place::Temporary(normal);
        }
        Place::Outside(normal)
    }

    /// Where `path` leads from `directory` when links are followed, those on the way to what does not
    /// exist yet as well. A path within the workspace keeps the name that its text says.
    pub fn following(&self, path: &str, directory: &Directory) -> Place {
        self.led(self.of(path, directory), path, directory)
    }

    /// The same of an entry of a folder: a link there is that link, not what it leads to.
    pub fn entry(&self, path: &str, directory: &Directory) -> Place {
        let said = self.of(path, directory);
        let (folder, name) = match path.rsplit_once('/') {
            // `link/`, `link/.` and `link/..` are what it leads to.
            Some((_, "" | "." | "..")) => return self.led(said, path, directory),
            _ if said == Place::Inside(".".to_owned()) => return said,
            Some((folder, name)) => (format!("{folder}/"), name),
            None => (".".to_owned(), path),
        };
        let joined = |folder: String| format!("{}/{name}", folder.trim_end_matches('/'));
        let found = self.led(said.clone(), &folder, directory);
        if found == said {
            return said;
        }
        match found {
            Place::Temporary(folder) => Place::Temporary(joined(folder)),
            Place::Outside(folder) => Place::Outside(joined(folder)),
            found @ (Place::Inside(_) | Place::Unknown) => found,
        }
    }

    /// A place by its text, unless the links on the way to `path` lead elsewhere.
    fn led(&self, said: Place, path: &str, directory: &Directory) -> Place {
        if !matches!(said, Place::Inside(_) | Place::Temporary(_)) {
            return said;
        }
        let Some(absolute) = self.joined(path, directory) else {
            return said;
        };
        let (Some(real), Some(root)) = (known_path(&absolute), real_path(self.root)) else {
            return Place::Unknown;
        };
        if real.starts_with(&root) {
            return said;
        }
        let text = real.to_string_lossy().into_owned();
        // The folder itself stands for the files in it.
        let temporary = is_temporary(&format!("{text}/"));
        match said {
            Place::Temporary(_) if temporary => Place::Temporary(text),
            Place::Inside(_) if temporary && !is_temporary(&root.to_string_lossy()) => {
                Place::Temporary(text)
            }
            Place::Inside(_) | Place::Temporary(_) | Place::Outside(_) | Place::Unknown => {
                Place::Outside(text)
            }
        }
    }

    /// The path from the root of the file system or from the home directory, as its text says.
    fn joined(&self, path: &str, directory: &Directory) -> Option<String> {
        if path.starts_with(['/', '~']) {
            return Some(path.to_owned());
        }
        match directory {
            Directory::Unknown => None,
            Directory::At(at) if at.starts_with(['/', '~']) => Some(format!("{at}/{path}")),
            Directory::At(at) => Some(format!("{}/{at}/{path}", self.root_text())),
        }
    }

    /// Where the links on the way to `relative` lead: the path relative to the workspace, or the
    /// absolute path; none for a path that is not known.
    pub fn resolved(&self, relative: &str) -> Option<Place> {
        if relative.contains([HOLE, '\0']) {
            return None;
        }
        let real = real_path(&self.root.join(relative))?;
        let root = real_path(self.root)?;
        Some(match real.strip_prefix(&root) {
            Ok(inside) if inside.as_os_str().is_empty() => Place::Inside(".".to_owned()),
            Ok(inside) => Place::Inside(inside.to_string_lossy().into_owned()),
            Err(_) => Place::Outside(real.to_string_lossy().into_owned()),
        })
    }
}

/// True for a path below a folder for temporary files.
fn is_temporary(path: &str) -> bool {
    path.starts_with("/tmp/") || path.starts_with("/var/tmp/")
}

/// The real path of a text whose end may be a pattern or may not be known: up to there.
fn known_path(text: &str) -> Option<PathBuf> {
    let is_known = |part: &&str| !part.contains(['*', '?', '[', '{', HOLE, '\0']);
    let known: Vec<_> = text.split('/').take_while(is_known).collect();
    real_path(Path::new(&format!("/{}", known.join("/"))))
}

/// The most of a file that is looked at, in bytes.
const LOOKED_AT: u64 = 8 << 20;

/// Looks into a file. A file that cannot be read, is not a file or is not text holds no secret that could
/// be detected.
fn file_holds_secret(path: &Path, evidence: Evidence) -> bool {
    // Without `O_NONBLOCK`, to open a pipe would be to wait for its writer.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let opened = File::options()
        .read(true)
        .custom_flags(flags.bits())
        .open(path);
    let Ok(file) = opened else { return false };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut bytes = Vec::new();
    let read = file.take(LOOKED_AT).read_to_end(&mut bytes);
    read.is_ok() && holds_secret(&readable(&bytes), evidence)
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
