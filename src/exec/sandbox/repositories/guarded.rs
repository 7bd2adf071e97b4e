//! The files of a folder that run code later, or say what may run.

use std::path::{Path, PathBuf};

/// The files of a repository that lead to code, by their names in its folder.
const OF_REPOSITORY: &[&str] = &["commondir", "config", "config.worktree"];
/// The same of a linked working tree's own folder.
const OF_WORKING_TREE: &[&str] = &["commondir", "gitdir", "config.worktree"];
/// The folder of a repository whose programs git runs.
const HOOKS: &str = "hooks";

/// The files of one folder that commands may not change. Paths are relative to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardedFiles {
    /// The folder, by its real path.
    pub base: PathBuf,
    /// The places of repositories.
    pub repositories: Vec<GuardedRepository>,
    /// Other files that are settings of a repository.
    pub files: Vec<PathBuf>,
    /// Other folders whose programs git runs. Tools make them again as they are, so they can be written
    /// and are put back.
    pub hooks: Vec<PathBuf>,
    /// The folder of the policy, if the folder may have one.
    pub policy: Option<PathBuf>,
    /// Folders with something in them and no repository of their own.
    pub inhabited: Vec<PathBuf>,
}

/// The place of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardedRepository {
    /// Its folder, or a file that names it.
    pub path: PathBuf,
    /// The part of a repository that lies there.
    pub part: RepositoryPart,
    /// True if it is a file.
    pub is_file: bool,
}

/// The part of a repository that lies in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryPart {
    /// All of it.
    Whole,
    /// The state of a linked working tree.
    WorkingTree,
}

impl GuardedRepository {
    /// The place of a repository in a folder that has none yet.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join(".git"),
            part: RepositoryPart::Whole,
            is_file: false,
        }
    }

    /// The single files that lead to code.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let names = match self.part {
            RepositoryPart::Whole => OF_REPOSITORY,
            RepositoryPart::WorkingTree => OF_WORKING_TREE,
        };
        names.iter().map(|name| self.path.join(name))
    }

    /// The settings.
    pub fn settings(&self) -> PathBuf {
        self.path.join("config")
    }

    /// The folder of its hooks.
    pub fn hooks(&self) -> Option<PathBuf> {
        (self.part == RepositoryPart::Whole).then(|| self.path.join(HOOKS))
    }
}

impl GuardedFiles {
    /// The paths that are read-only for commands where there are namespaces, by their absolute names.
    pub fn read_only(&self) -> impl Iterator<Item = PathBuf> {
        let of_repositories = self.repositories.iter().flat_map(|it| {
            let itself = it.is_file.then(|| it.path.clone());
            itself.into_iter().chain(it.files()).chain(it.hooks())
        });
        let others = self.files.iter().chain(&self.policy).cloned();
        of_repositories
            .chain(others)
            .map(|path| self.base.join(path))
    }
}
