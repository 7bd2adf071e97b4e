//! The places where a folder's repository keeps its data.

use std::fs;
use std::path::{Path, PathBuf};

use crate::agent::tools::text::lossy;

/// The longest file that names other directories, in bytes.
const MAX_POINTER_BYTES: u64 = 16 * 1024;
/// The most directories of objects that are looked at; git itself follows five borrowings.
const MAX_OBJECTS: usize = 32;

/// A repository on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The top of its working tree.
    pub top: PathBuf,
    /// Its directory with the index and the current commit.
    pub own: PathBuf,
    /// The directory with the objects and settings; another one in a linked working tree.
    pub common: PathBuf,
}

impl Place {
    /// The repository that a folder belongs to, the folder itself or one above it; none when it belongs
    /// to none.
    pub fn of(folder: &Path) -> Option<Self> {
        folder.ancestors().find_map(Self::at)
    }

    /// Every folder that looking at the repository reaches beside the working tree, with links resolved:
    /// its own, and those that it borrows objects from.
    pub fn folders(&self) -> Vec<PathBuf> {
        let index = self.own.join("index").canonicalize().ok();
        let index = index.and_then(|path| path.parent().map(Path::to_owned));
        let mut found = vec![self.own.clone(), self.common.clone()];
        found.extend(index);
        let mut objects = vec![self.common.join("objects")];
        let mut next = 0;
        while let Some(named) = objects.get(next) {
            next += 1;
            let Ok(folder) = named.canonicalize() else {
                continue;
            };
            let borrowed = pointer(&folder.join("info/alternates")).unwrap_or_default();
            let borrowed = borrowed.lines().filter(|line| !line.starts_with('#'));
            objects.extend(borrowed.map(|line| folder.join(line)));
            objects.truncate(MAX_OBJECTS);
            found.push(folder);
        }
        found
    }

    /// The repository whose working tree begins here.
    fn at(top: &Path) -> Option<Self> {
        let named = top.join(".git");
        let own = match fs::metadata(&named).ok()? {
            found if found.is_dir() => named,
            found if found.is_file() => {
                let text = pointer(&named)?;
                top.join(text.strip_prefix("gitdir:")?.trim())
            }
            _ => return None,
        };
        let own = own.canonicalize().ok()?;
        if !own.join("HEAD").is_file() {
            return None;
        }
        let common = match pointer(&own.join("commondir")) {
            Some(text) => own.join(text.trim()).canonicalize().ok()?,
            None => own.clone(),
        };
        Some(Self {
            top: top.to_owned(),
            own,
            common,
        })
    }
}

/// The text of a file that names a directory.
fn pointer(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    if !found.is_file() || found.len() > MAX_POINTER_BYTES {
        return None;
    }
    let (text, is_whole) = lossy(&fs::read(path).ok()?);
    is_whole.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn put(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_folder_below_a_repository_belongs_to_it() {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap();
        put(&root.join(".git/HEAD"), "ref: refs/heads/main\n");
        fs::create_dir_all(root.join("a/b")).unwrap();
        let place = Place::of(&root.join("a/b")).unwrap();
        assert_eq!((&place.top, &place.own), (&root, &root.join(".git")));
        assert_eq!(place.common, place.own);
    }

    #[test]
    fn a_linked_working_tree_has_its_objects_elsewhere() {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap();
        put(&root.join("main/.git/HEAD"), "");
        put(&root.join("main/.git/worktrees/side/HEAD"), "");
        put(&root.join("main/.git/worktrees/side/commondir"), "../..\n");
        put(
            &root.join("side/.git"),
            "gitdir: ../main/.git/worktrees/side\n",
        );
        let place = Place::of(&root.join("side")).unwrap();
        assert_eq!(place.own, root.join("main/.git/worktrees/side"));
        assert_eq!(place.common, root.join("main/.git"));
    }

    #[test]
    fn borrowed_objects_and_links_are_among_the_folders() {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap();
        put(&root.join("own/.git/HEAD"), "");
        put(
            &root.join("own/.git/objects/info/alternates"),
            "../../../a/objects\n",
        );
        put(
            &root.join("a/objects/info/alternates"),
            &format!("{}/b\n", root.display()),
        );
        put(&root.join("b/x"), "");
        put(&root.join("c/index"), "");
        std::os::unix::fs::symlink(root.join("c/index"), root.join("own/.git/index")).unwrap();
        let folders = Place::of(&root.join("own")).unwrap().folders();
        for reached in ["own/.git", "own/.git/objects", "a/objects", "b", "c"] {
            assert!(
                folders.contains(&root.join(reached)),
                "{reached}: {folders:?}"
            );
        }
    }

    #[test]
    fn what_only_looks_like_a_repository_is_none() {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap();
        for (name, text) in [
            ("plain/file", ""),
            ("empty/.git/config", ""),
            ("lost/.git", "gitdir: ../nowhere\n"),
            ("noise/.git", "hello\n"),
        ] {
            put(&root.join(name), text);
            let top = root.join(name.split('/').next().unwrap());
            assert_eq!(Place::at(&top), None, "{name}");
        }
    }
}
