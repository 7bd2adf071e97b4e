//! The search for the repositories of a folder, the nearest first and as far as a bound.
//!
//! It follows no links, but for the one in a repository's place.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::exec::sandbox::repositories::guarded::{
    GuardedFiles, GuardedRepository, RepositoryPart,
};
use crate::exec::sandbox::repositories::linked::LinkedRepository;
use crate::exec::sandbox::repositories::settings::{NamedPlaces, within};

/// The most folders that are searched, and entries of them.
const MOST_FOLDERS: usize = 10_000;
const MOST_ENTRIES: usize = 300_000;
/// The most repositories, and files that their settings include.
const MOST_REPOSITORIES: usize = 200;
const MOST_INCLUDED: usize = 50;
/// The most folders that are watched for a repository in them.
const MOST_INHABITED: usize = 2_000;
/// The most folders that the name of a submodule has.
const DEEPEST: usize = 8;
/// The largest file of settings that is read, in bytes.
const SETTINGS_BYTES: u64 = 1 << 20;

/// Folders of fetched and built files, which are searched last.
const LAST: &[&str] = &["node_modules", "target", "vendor", ".venv", "venv"];

/// The entries of a repository's folder, by which one without a working tree is known.
const OF_BARE: &[&str] = &["HEAD", "objects", "refs", "config"];

/// Where a workspace may make the policy stricter.
const POLICY: &str = ".navi";

/// Looks for the files of a workspace that commands may not change. Blocks.
pub fn guarded_in_workspace(root: &Path) -> GuardedFiles {
    let mut found = RepositorySearch::in_workspace(root);
    found.policy = Some(PathBuf::from(POLICY));
    found
}

/// Looks for those of the repository that a working tree is linked to. Blocks.
pub fn guarded_in_linked(linked: &LinkedRepository) -> Option<GuardedFiles> {
    let folder = Path::new(linked.common.file_name()?);
    Some(RepositorySearch::in_repository(
        linked.common.parent()?,
        folder,
    ))
}

/// A search.
#[derive(Debug)]
struct RepositorySearch {
    found: GuardedFiles,
    included: usize,
    folders: usize,
    entries: usize,
}

impl RepositorySearch {
    fn new(base: &Path) -> Self {
        let found = GuardedFiles {
            base: base.to_owned(),
            ..GuardedFiles::default()
        };
        Self {
            found,
            included: 0,
            folders: 0,
            entries: 0,
        }
    }

    /// Searches a workspace. Its own place of a repository is found even when there is none.
    fn in_workspace(root: &Path) -> GuardedFiles {
        let mut search = Self::new(root);
        let (mut near, mut far) = (VecDeque::from([PathBuf::new()]), VecDeque::new());
        while let Some(folder) = near.pop_front().or_else(|| far.pop_front()) {
            if search.folders == MOST_FOLDERS || search.entries > MOST_ENTRIES {
                break;
            }
            for inside in search.look_into(&folder) {
                let name = inside.file_name().and_then(OsStr::to_str);
                if name.is_some_and(|name| LAST.contains(&name)) {
                    far.push_back(inside);
                } else {
                    near.push_back(inside);
                }
            }
        }
        search.found
    }

    /// Searches a repository by its folder.
    fn in_repository(base: &Path, folder: &Path) -> GuardedFiles {
        let mut search = Self::new(base);
        search.repository(folder, 0);
        search.found
    }

    /// Looks into a folder, and answers with the folders in it that are to be searched.
    fn look_into(&mut self, folder: &Path) -> Vec<PathBuf> {
        let entries = self.entries_of(folder);
        let has = |name: &&str| entries.iter().any(|(path, _)| path.ends_with(name));
        let is_root = folder.as_os_str().is_empty();
        if !is_root && OF_BARE.iter().all(&has) {
            self.repository(folder, 0);
            return Vec::new();
        }
        if is_root || has(&".git") {
            self.place(folder);
        } else if !entries.is_empty() && self.found.inhabited.len() < MOST_INHABITED {
            self.found.inhabited.push(folder.to_owned());
        }
        let folders = entries.into_iter().filter(|(_, kind)| kind.is_dir());
        let folders = folders.map(|(path, _)| path);
        folders.filter(|path| !path.ends_with(".git")).collect()
    }

    /// Notes the repository of a working tree.
    fn place(&mut self, folder: &Path) {
        let place = GuardedRepository::in_folder(folder);
        let path = self.found.base.join(&place.path);
        let kind = path.symlink_metadata().map(|found| found.file_type());
        match kind {
            Ok(kind) if kind.is_file() => self.note(GuardedRepository {
                is_file: true,
                ..place
            }),
            Ok(kind) if kind.is_symlink() => {
                self.note(place);
                let real = path.canonicalize().ok();
                let inside =
                    real.and_then(|it| Some(it.strip_prefix(&self.found.base).ok()?.into()));
                if let Some(inside) = inside.filter(|it: &PathBuf| !it.as_os_str().is_empty()) {
                    self.repository(&inside, 0);
                }
            }
            Ok(_) | Err(_) => self.repository(&place.path, 0),
        }
    }

    /// Notes a repository by its folder, with its submodules and linked working trees.
    fn repository(&mut self, path: &Path, depth: usize) {
        if self.found.repositories.iter().any(|it| it.path == path) {
            return;
        }
        self.note(GuardedRepository {
            path: path.to_owned(),
            part: RepositoryPart::Whole,
            is_file: false,
        });
        for name in ["config", "config.worktree"] {
            self.settings(path, &path.join(name));
        }
        for (tree, _) in self.folders_of(&path.join("worktrees")) {
            self.note(GuardedRepository {
                path: tree.clone(),
                part: RepositoryPart::WorkingTree,
                is_file: false,
            });
            self.settings(path, &tree.join("config.worktree"));
            self.submodules(&tree.join("modules"), depth);
        }
        self.submodules(&path.join("modules"), depth);
    }

    fn submodules(&mut self, folder: &Path, depth: usize) {
        if depth == DEEPEST {
            return;
        }
        for (inside, _) in self.folders_of(folder) {
            if self.found.base.join(&inside).join("HEAD").is_file() {
                self.repository(&inside, depth + 1);
            } else {
                self.submodules(&inside, depth + 1);
            }
        }
    }

    fn note(&mut self, repository: GuardedRepository) {
        if self.found.repositories.len() < MOST_REPOSITORIES {
            self.found.repositories.push(repository);
        }
    }

    /// Notes the places that a file of settings leads to.
    fn settings(&mut self, repository: &Path, file: &Path) {
        let path = self.found.base.join(file);
        let Some(named) = read(&path) else { return };
        let own = self.found.base.join(repository);
        let tree = match (&named.working_tree, own.parent()) {
            (Some(tree), _) => own.join(tree),
            (None, Some(tree)) => tree.to_owned(),
            (None, None) => return,
        };
        for hooks in &named.hooks {
            let hooks = within(&self.found.base, &tree, hooks);
            // The folder around a repository holds more than hooks.
            let hooks = hooks.filter(|it| !repository.starts_with(it));
            self.found.hooks.extend(hooks);
        }
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        for included in &named.included {
            let included = within(&self.found.base, &folder, included);
            let is_new = |it: &PathBuf| !self.found.files.contains(it);
            let Some(included) = included.filter(is_new) else {
                continue;
            };
            if self.included < MOST_INCLUDED {
                self.included += 1;
                self.found.files.push(included.clone());
                self.settings(repository, &included);
            }
        }
    }

    fn folders_of(&mut self, folder: &Path) -> Vec<(PathBuf, FileType)> {
        let mut entries = self.entries_of(folder);
        entries.retain(|(_, kind)| kind.is_dir());
        entries
    }

    fn entries_of(&mut self, folder: &Path) -> Vec<(PathBuf, FileType)> {
        self.folders += 1;
        let entries = fs::read_dir(self.found.base.join(folder));
        let entries = entries.into_iter().flatten().flatten();
        let left = MOST_ENTRIES.saturating_sub(self.entries);
        let entry = |it: fs::DirEntry| Some((folder.join(it.file_name()), it.file_type().ok()?));
        let mut found: Vec<_> = entries.take(left).filter_map(entry).collect();
        self.entries += found.len() + 1;
        // The result within the bounds does not depend on how a disk orders names.
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        found
    }
}

fn read(path: &Path) -> Option<NamedPlaces> {
    // A pipe in the place of a file would be waited for.
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(SETTINGS_BYTES).read_to_end(&mut text).ok()?;
    Some(NamedPlaces::of(&String::from_utf8_lossy(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn places(found: &GuardedFiles) -> Vec<&str> {
        let paths = found
            .repositories
            .iter()
            .map(|it| it.path.to_str().unwrap());
        paths.collect()
    }

    #[test]
    fn every_repository_of_a_workspace_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (path, text) in [
            (".git/HEAD", ""),
            (".git/modules/lib/HEAD", ""),
            (".git/modules/lib/modules/deep/er/HEAD", ""),
            (".git/worktrees/side/gitdir", ""),
            ("lib/.git", "gitdir: ../.git/modules/lib"),
            ("a/b/c/.git/HEAD", ""),
            ("node_modules/x/.git/HEAD", ""),
            ("src/main.rs", ""),
            ("src/empty/none", ""),
        ] {
            put(&root, path, text);
        }
        for name in ["HEAD", "objects/x", "refs/x", "config"] {
            put(&root, &format!("mirror.git/{name}"), "");
        }
        fs::create_dir(root.join("nothing")).unwrap();
        std::os::unix::fs::symlink("../mirror.git", root.join("src/.git")).unwrap();
        let found = RepositorySearch::in_workspace(&root);
        assert_eq!(
            places(&found),
            [
                ".git",
                ".git/worktrees/side",
                ".git/modules/lib",
                ".git/modules/lib/modules/deep/er",
                "lib/.git",
                "mirror.git",
                "src/.git",
                "a/b/c/.git",
                "node_modules/x/.git",
            ]
        );
        let inhabited: Vec<_> = found
            .inhabited
            .iter()
            .map(|it| it.to_str().unwrap())
            .collect();
        assert_eq!(inhabited, ["a", "a/b", "src/empty", "node_modules"]);
    }

    #[test]
    fn settings_lead_to_more_settings_and_hooks() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        put(
            &root,
            ".git/config",
            "[include]\npath=../team.conf\n[core]\nhooksPath = .husky/_\n",
        );
        put(
            &root,
            "team.conf",
            "[includeIf \"gitdir:**\"]\npath = later.conf\npath = team.conf\n[core]\nhooksPath=.\n",
        );
        let found = RepositorySearch::in_workspace(&root);
        assert_eq!(
            found.files,
            [Path::new("team.conf"), Path::new("later.conf")]
        );
        assert_eq!(found.hooks, [Path::new(".husky/_")]);
    }
}
