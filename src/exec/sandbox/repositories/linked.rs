//! A repository whose folder lies outside of the working tree that a run works in: that of a linked
//! working tree, or of a submodule.
//!
//! The working tree names it by a file, which anyone who writes there can make. So it counts only when
//! the repository names the working tree in turn.

use std::fs;
use std::path::{Path, PathBuf};

use crate::exec::sandbox::repositories::settings::NamedPlaces;

/// The largest file that names a folder, in bytes, and that has settings.
const POINTER_BYTES: u64 = 16 * 1024;
const SETTINGS_BYTES: u64 = 1 << 20;

/// A repository that a working tree is linked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedRepository {
    /// The folder with its objects, settings and hooks, by its real path.
    pub common: PathBuf,
}

impl LinkedRepository {
    /// The repository outside of a working tree that belongs to it, by the real path of that. Blocks.
    pub fn of(root: &Path) -> Option<Self> {
        let text = pointer(&root.join(".git"))?;
        let own = root
            .join(text.strip_prefix("gitdir: ")?)
            .canonicalize()
            .ok()?;
        let common = match pointer(&own.join("commondir")) {
            Some(named) => {
                let common = own.join(named).canonicalize().ok()?;
                let is_its_own = own.parent() == Some(&common.join("worktrees"));
                (is_its_own && names_working_tree(&own, root)).then_some(common)?
            }
            None => is_submodule(&own, root).then_some(own)?,
        };
        let is_elsewhere = !common.starts_with(root) && !root.starts_with(&common);
        (is_elsewhere && is_repository(&common)).then_some(Self { common })
    }
}

/// True if the state of a linked working tree says that it is of this one.
fn names_working_tree(own: &Path, root: &Path) -> bool {
    let Some(named) = pointer(&own.join("gitdir")) else {
        return false;
    };
    let named = own.join(named);
    let around = named.parent().and_then(|it| it.canonicalize().ok());
    named.file_name() == Some(".git".as_ref()) && around.as_deref() == Some(root)
}

/// True if the settings of a submodule's repository say that it is of this working tree.
fn is_submodule(own: &Path, root: &Path) -> bool {
    let settings = text(&own.join("config"), SETTINGS_BYTES);
    let named = settings.and_then(|text| NamedPlaces::of(&text).working_tree);
    let named = named.and_then(|named| own.join(named).canonicalize().ok());
    named.as_deref() == Some(root)
}

/// True if a folder has all that makes a repository, and none of it is a link.
fn is_repository(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).symlink_metadata();
    let has_folder = |name| has(name).is_ok_and(|found| found.is_dir());
    let has_file = |name| has(name).is_ok_and(|found| found.is_file());
    has_file("HEAD") && has_file("config") && has_folder("objects") && has_folder("refs")
}

/// The text of a file that names a folder, without the end of its line.
fn pointer(path: &Path) -> Option<String> {
    let text = text(path, POINTER_BYTES)?;
    let line = text.trim_end_matches(['\n', '\r']);
    (!line.is_empty() && !line.contains(['\n', '\0'])).then(|| line.to_owned())
}

fn text(path: &Path, limit: u64) -> Option<String> {
    let found = path.symlink_metadata().ok()?;
    if !found.is_file() || found.len() > limit {
        return None;
    }
    fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A repository `main/.git` with the state of a working tree `side` that names this one.
    fn repository(root: &Path, backlink: &str) {
        let git = root.join("main/.git");
        for name in [
            "HEAD",
            "config",
            "objects/x",
            "refs/x",
            "worktrees/side/HEAD",
        ] {
            put(&git.join(name), "");
        }
        put(&git.join("worktrees/side/commondir"), "../..\n");
        put(&git.join("worktrees/side/gitdir"), backlink);
        put(
            &root.join("side/.git"),
            "gitdir: ../main/.git/worktrees/side\n",
        );
    }

    #[test]
    fn a_linked_working_tree_has_its_repository_when_that_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let side = root.join("side");
        let found = |backlink: &str| {
            repository(&root, backlink);
            LinkedRepository::of(&side).map(|it| it.common)
        };
        let common = Some(root.join("main/.git"));
        assert_eq!(found(&format!("{}/.git\n", side.display())), common);
        assert_eq!(found("../../../../side/.git"), common);
        for other in [
            format!("{}/.git\n", root.join("main").display()),
            format!("{}\n", side.display()),
            "../../../../other/.git".to_owned(),
            String::new(),
        ] {
            assert_eq!(found(&other), None, "{other}");
        }
        found(&format!("{}/.git\n", side.display()));
        // Another repository than the one that it lies in.
        put(
            &root.join("main/.git/worktrees/side/commondir"),
            "../../../x",
        );
        assert_eq!(LinkedRepository::of(&side), None);
    }

    #[test]
    fn a_file_opens_no_folder_that_is_no_repository() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let keys = root.join("home/ada/.ssh");
        put(&keys.join("id_ed25519"), "");
        put(&root.join("space/.git"), "gitdir: ../home/ada/.ssh\n");
        assert_eq!(LinkedRepository::of(&root.join("space")), None);
        // Even one that names the working tree.
        put(&keys.join("config"), "[core]\nworktree=../../../space\n");
        assert_eq!(LinkedRepository::of(&root.join("space")), None);
    }

    #[test]
    fn a_submodule_has_its_repository_when_that_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let own = root.join("main/.git/modules/lib");
        for name in ["HEAD", "objects/x", "refs/x"] {
            put(&own.join(name), "");
        }
        put(&root.join("main/lib/.git"), "gitdir: ../.git/modules/lib\n");
        put(
            &root.join("other/.git"),
            "gitdir: ../main/.git/modules/lib\n",
        );
        put(&own.join("config"), "[core]\n\tworktree = ../../../lib\n");
        let found = |path: &str| LinkedRepository::of(&root.join(path));
        assert_eq!(found("main/lib").map(|it| it.common), Some(own));
        assert_eq!(found("other"), None);
    }
}
