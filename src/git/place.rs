//! The places where a folder's repository keeps its data.

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::exec::text::lossy;
use crate::git::error::Error;

/// The longest file that names other directories, in bytes.
const MAX_POINTER_BYTES: u64 = 16 * 1024;
/// The most directories of objects that a repository may borrow from one another. Git follows five
/// borrowings in a row, and any number side by side.
const MAX_OBJECTS: usize = 32;
/// The most files and folders that are searched for links.
const MAX_ENTRIES: usize = 500_000;
/// The files and folders with the names of commits, in both directories of a repository.
pub const NAMES: [&str; 3] = ["refs", "reftable", "packed-refs"];

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

    /// The repository whose working tree begins here. Files that name directories are read as git reads
    /// them, to the letter, and one that cannot be read makes it none.
    pub fn at(top: &Path) -> Option<Self> {
        let named = top.join(".git");
        let own = match fs::metadata(&named).ok()? {
            found if found.is_dir() => named,
            found if found.is_file() => {
                let text = pointer(&named)?;
                top.join(line(text.strip_prefix("gitdir: ")?))
            }
            _ => return None,
        };
        let own = own.canonicalize().ok()?;
        if !own.join("HEAD").is_file() {
            return None;
        }
        let named = own.join("commondir");
        let common = if named.symlink_metadata().is_ok() {
            own.join(line(&pointer(&named)?)).canonicalize().ok()?
        } else {
            own.clone()
        };
        Some(Self {
            top: top.to_owned(),
            own,
            common,
        })
    }

    /// The text of the file that names the current commit.
    pub fn head(&self) -> Option<String> {
        pointer(&self.own.join("HEAD"))
    }

    /// The index, and the files that it shares with former ones.
    pub fn index_files(&self) -> Vec<PathBuf> {
        let is_shared = |entry: &fs::DirEntry| {
            let name = entry.file_name();
            name.as_encoded_bytes().starts_with(b"sharedindex.")
        };
        let entries = fs::read_dir(&self.own).into_iter().flatten().flatten();
        let shared = entries.filter(is_shared).map(|entry| entry.path());
        let all = std::iter::once(self.own.join("index")).chain(shared);
        all.filter(|path| path.is_file()).collect()
    }

    /// Checks every place that git reads of the repository beside the working tree, with links resolved:
    /// its own directories, those that it borrows objects from, and the targets of links in them.
    pub fn check(&self, may_read: impl FnMut(&Path) -> bool) -> Result<(), Error> {
        let mut search = Search::new(may_read);
        self.search_names(&mut search)?;
        for path in self.index_files() {
            search.add(&path)?;
        }
        for name in ["config", "info/exclude"] {
            search.add(&self.common.join(name))?;
        }
        self.search_objects(&mut search)
    }

    /// Checks the places that git reads to find the current commit.
    pub fn check_names(&self, may_read: impl FnMut(&Path) -> bool) -> Result<(), Error> {
        let mut search = Search::new(may_read);
        search.add(&self.common.join("config"))?;
        self.search_names(&mut search)
    }

    fn search_names<F: FnMut(&Path) -> bool>(&self, search: &mut Search<F>) -> Result<(), Error> {
        for folder in [&self.own, &self.common] {
            search.permit(folder)?;
            search.add(&folder.join("HEAD"))?;
            for name in NAMES {
                search.add(&folder.join(name))?;
            }
        }
        Ok(())
    }

    fn search_objects<F: FnMut(&Path) -> bool>(&self, search: &mut Search<F>) -> Result<(), Error> {
        let mut objects = vec![self.common.join("objects")];
        let mut next = 0;
        while let Some(named) = objects.get(next) {
            next += 1;
            let Ok(folder) = named.canonicalize() else {
                continue;
            };
            search.add(&folder)?;
            for path in borrowed(&folder)? {
                if !objects.contains(&path) {
                    objects.push(path);
                }
            }
            if objects.len() > MAX_OBJECTS {
                return Err(Error::Unclear(format!(
                    "it borrows objects from more than {MAX_OBJECTS} folders"
                )));
            }
        }
        Ok(())
    }
}

/// The directories that a directory of objects borrows from. Git's versions differ in whether `..` takes
/// away a link or what the link leads to, so both are named.
fn borrowed(objects: &Path) -> Result<Vec<PathBuf>, Error> {
    let named = objects.join("info/alternates");
    if named.symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    let Some(text) = pointer(&named) else {
        let name = named.display();
        return Err(Error::Unclear(format!("`{name}` cannot be read whole")));
    };
    let mut found = Vec::new();
    // Other ends of lines belong to the name.
    for line in text.split('\n') {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('"') {
            let name = named.display();
            return Err(Error::Unclear(format!("`{name}` has a name in quotes")));
        }
        let path = objects.join(line);
        let plain = without_parents(&path);
        if plain != path {
            found.push(plain);
        }
        found.push(path);
    }
    Ok(found)
}

/// The path with every `..` taken together with the name before it.
fn without_parents(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                plain.push(component);
            }
        }
    }
    plain
}

/// A search for the places that links lead to.
struct Search<F> {
    may_read: F,
    seen: HashSet<PathBuf>,
    entries: usize,
}

impl<F: FnMut(&Path) -> bool> Search<F> {
    fn new(may_read: F) -> Self {
        Self {
            may_read,
            seen: HashSet::new(),
            entries: 0,
        }
    }

    /// Checks one place, whose links are resolved.
    fn permit(&mut self, real: &Path) -> Result<(), Error> {
        let may_read = (self.may_read)(real);
        may_read.then_some(()).ok_or(Error::Elsewhere)
    }

    /// Checks a file, or a folder with everything that links below it lead to.
    fn add(&mut self, path: &Path) -> Result<(), Error> {
        let mut folders = Vec::new();
        self.follow(path, &mut folders)?;
        while let Some(folder) = folders.pop() {
            // Git reads as little of a folder that cannot be listed.
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                self.entries += 1;
                if self.entries > MAX_ENTRIES {
                    return Err(Error::Unclear(format!(
                        "it has more than {MAX_ENTRIES} files"
                    )));
                }
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(kind) if kind.is_file() => {}
                    Ok(_) | Err(_) => self.follow(&entry.path(), &mut folders)?,
                }
            }
        }
        Ok(())
    }

    /// Checks the end of a link. Without an end there is nothing to be read.
    fn follow(&mut self, path: &Path, folders: &mut Vec<PathBuf>) -> Result<(), Error> {
        let Ok(real) = path.canonicalize() else {
            return Ok(());
        };
        if !self.seen.insert(real.clone()) {
            return Ok(());
        }
        self.permit(&real)?;
        if real.is_dir() {
            folders.push(real);
        }
        Ok(())
    }
}

/// The text of a file that names a directory, when it is a file, short and UTF-8.
fn pointer(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    if !found.is_file() || found.len() > MAX_POINTER_BYTES {
        return None;
    }
    let (text, is_whole) = lossy(&fs::read(path).ok()?);
    is_whole.then_some(text)
}

/// The text without the end of its line.
fn line(text: &str) -> &str {
    text.trim_end_matches(['\n', '\r'])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn put(path: &Path, text: impl AsRef<[u8]>) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A repository `own` below this folder, with these borrowings.
    fn borrowing(root: &Path, alternates: impl AsRef<[u8]>) -> Place {
        put(&root.join("own/.git/HEAD"), "");
        put(&root.join("own/.git/objects/info/alternates"), alternates);
        Place::of(&root.join("own")).unwrap()
    }

    fn reached(place: &Place) -> Vec<PathBuf> {
        let mut reached = Vec::new();
        let checked = place.check(|path| {
            reached.push(path.to_owned());
            true
        });
        assert_eq!(checked, Ok(()));
        reached
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
        assert_eq!(place.head().as_deref(), Some("ref: refs/heads/main\n"));
    }

    #[test]
    fn a_linked_working_tree_has_its_objects_elsewhere() {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap();
        put(&root.join("main/.git/HEAD"), "");
        put(&root.join("main/.git/worktrees/side/HEAD"), "");
        let common = root.join("main/.git/worktrees/side/commondir");
        put(&common, "../..\n");
        put(
            &root.join("side/.git"),
            "gitdir: ../main/.git/worktrees/side\n",
        );
        let place = Place::of(&root.join("side")).unwrap();
        assert_eq!(place.own, root.join("main/.git/worktrees/side"));
        assert_eq!(place.common, root.join("main/.git"));
        // Git would find another directory than is read here.
        for text in [b"\xff\n".to_vec(), vec![b'x'; 20_000], b" ../..\n".to_vec()] {
            put(&common, &text);
            assert_eq!(Place::at(&root.join("side")), None);
        }
    }

    #[test]
    fn borrowed_objects_and_links_are_reached() {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap();
        let place = borrowing(&root, "# a comment\n\n../../../a/objects\n../c\r\n");
        put(
            &root.join("a/objects/info/alternates"),
            format!("{}/b\n", root.display()),
        );
        put(&root.join("b/x"), "");
        put(&root.join("own/.git/c\r/x"), "");
        for (name, target) in [
            ("own/.git/index", "outside/index"),
            ("own/.git/sharedindex.1", "outside/shared"),
            ("own/.git/config", "outside/config"),
            ("own/.git/info/exclude", "outside/exclude"),
            ("own/.git/packed-refs", "outside/refs"),
            ("own/.git/refs/heads/main", "outside/main"),
            ("b/ab", "outside/ab/cd"),
        ] {
            put(&root.join(target), "");
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            symlink(root.join(target), root.join(name)).unwrap();
        }
        fs::create_dir_all(root.join("pack/below")).unwrap();
        symlink(root.join("pack"), root.join("own/.git/objects/pack")).unwrap();
        symlink(root.join("outside/deep"), root.join("pack/below/deep")).unwrap();
        put(&root.join("outside/deep"), "");
        symlink("nowhere", root.join("own/.git/objects/dangling")).unwrap();
        let reached = reached(&place);
        for expected in [
            "own/.git",
            "own/.git/objects",
            "own/.git/c\r",
            "a/objects",
            "b",
            "pack",
            "outside/index",
            "outside/shared",
            "outside/config",
            "outside/exclude",
            "outside/refs",
            "outside/main",
            "outside/ab/cd",
            "outside/deep",
        ] {
            let expected = root.join(expected);
            assert!(reached.contains(&expected), "{expected:?}: {reached:?}");
            let checked = place.check(|path| path != expected);
            assert_eq!(checked, Err(Error::Elsewhere), "{expected:?}");
        }
    }

    #[test]
    fn borrowings_that_cannot_be_followed_are_refused() {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a")).unwrap();
        let many = |count: usize| {
            let lines = (0..count).map(|number| format!("/nowhere/{number}\n"));
            lines.collect::<String>()
        };
        for text in [
            format!("\"{}/a\"\n", root.display()).into_bytes(),
            b"../../../a\n\"/\\145tc\"\n".to_vec(),
            b"/tmp/\xff\n".to_vec(),
            b"/tmp\0\n".to_vec(),
            format!("#{}\n/etc\n", "x".repeat(20_000)).into_bytes(),
            many(MAX_OBJECTS).into_bytes(),
        ] {
            let place = borrowing(&root, &text);
            let checked = place.check(|_| true);
            let text = String::from_utf8_lossy(&text);
            assert!(matches!(checked, Err(Error::Unclear(_))), "{text}");
        }
        let place = borrowing(&root, many(MAX_OBJECTS - 1));
        assert_eq!(place.check(|_| true), Ok(()));
        let alternates = root.join("own/.git/objects/info/alternates");
        fs::remove_file(&alternates).unwrap();
        fs::create_dir(&alternates).unwrap();
        assert!(matches!(place.check(|_| true), Err(Error::Unclear(_))));
    }

    #[test]
    fn both_readings_of_a_parent_are_reached() {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap();
        put(&root.join("near/x"), "");
        put(&root.join("far/near/x"), "");
        put(&root.join("far/away/x"), "");
        symlink(root.join("far/away"), root.join("link")).unwrap();
        let place = borrowing(&root, format!("{}/link/../near\n", root.display()));
        let reached = reached(&place);
        for expected in ["near", "far/near"] {
            assert!(reached.contains(&root.join(expected)), "{reached:?}");
        }
    }

    #[test]
    fn the_names_of_commits_are_checked_without_the_objects() {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap();
        let place = borrowing(&root, "\"in quotes\"\n");
        assert_eq!(place.check_names(|_| true), Ok(()));
        put(&root.join("outside/HEAD"), "");
        fs::remove_file(root.join("own/.git/HEAD")).unwrap();
        symlink(root.join("outside/HEAD"), root.join("own/.git/HEAD")).unwrap();
        let is_own = |path: &Path| path.starts_with(root.join("own"));
        assert_eq!(place.check_names(is_own), Err(Error::Elsewhere));
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
