//! The protected files of one folder at one time.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{Mode, fstatat};

use crate::exec::sandbox::repositories::guarded::{GuardedFiles, GuardedRepository};
use crate::platform::process::descriptors::descriptor_path;
use crate::tools::commands::protected::held::{self, HeldEntry};
use crate::tools::commands::protected::repository_settings;

/// The protected files of one folder at one time.
#[derive(Debug)]
pub(super) struct GuardedFolder {
    all: Arc<[GuardedFiles]>,
    at: usize,
    directory: OwnedFd,
    was: Looked,
    /// The paths that commands could not change.
    mounted: BTreeSet<PathBuf>,
    /// True for the workspace, whose files are named from there.
    is_workspace: bool,
}

/// The protected files that are there.
#[derive(Debug, Default)]
struct Looked {
    found: BTreeMap<PathBuf, HeldEntry>,
    repositories: Vec<GuardedRepository>,
}

impl Looked {
    fn is_folder(&self, path: &Path) -> bool {
        self.found.get(path) == Some(&HeldEntry::Folder)
    }

    /// The repository that a path is part of: the innermost.
    fn repository_of(&self, path: &Path) -> Option<&GuardedRepository> {
        let around = self
            .repositories
            .iter()
            .filter(|it| path.starts_with(&it.path));
        around.max_by_key(|it| it.path.as_os_str().len())
    }
}

impl GuardedFolder {
    /// Looks at the files of one of the folders; none when that is gone. Blocks.
    pub(super) fn look(
        all: &Arc<[GuardedFiles]>,
        at: usize,
        is_mounted: bool,
        workspace: &Path,
    ) -> std::io::Result<Option<Self>> {
        let how = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = all
            .get(at)
            .map(|it| (it, open(&it.base, how, Mode::empty())));
        let Some((guarded, Ok(directory))) = opened else {
            return Ok(None);
        };
        if std::fs::read_link(descriptor_path(&directory))? != guarded.base {
            return Ok(None);
        }
        let was = looked(&directory, guarded)?;
        let relative = |path: PathBuf| Some(path.strip_prefix(&guarded.base).ok()?.to_owned());
        let mounted = if is_mounted {
            guarded.read_only().filter_map(relative).collect()
        } else {
            BTreeSet::new()
        };
        Ok(Some(Self {
            all: Arc::clone(all),
            at,
            directory,
            was,
            mounted,
            is_workspace: guarded.base == workspace,
        }))
    }

    fn guarded(&self) -> Option<&GuardedFiles> {
        self.all.get(self.at)
    }

    /// Puts back what changed since then, and says what. Blocks.
    pub(super) fn put_back(&self) -> Vec<String> {
        let now = self.guarded().map(|it| looked(&self.directory, it));
        let Some(Ok(now)) = now else {
            return Vec::new();
        };
        let mut said = Vec::new();
        let changed = now
            .found
            .iter()
            .filter(|(path, held)| self.was.found.get(*path) != Some(held));
        for (path, held) in changed {
            said.extend(self.remove_new(path, held, &now));
        }
        let changed = self
            .was
            .found
            .iter()
            .filter(|(path, held)| now.found.get(*path) != Some(held));
        for (path, held) in changed {
            said.extend(self.restore(path, held, &now));
        }
        said
    }

    /// Removes what a command made.
    fn remove_new(&self, path: &Path, held: &HeldEntry, now: &Looked) -> Option<String> {
        let was = self.was.found.get(path);
        let repository = now.repository_of(path);
        let is_place = repository.is_some_and(|it| it.path == path);
        // In place of a repository that is gone, a file or a link leads to another.
        let is_other = is_place && was == Some(&HeldEntry::Folder);
        if *held == HeldEntry::Folder && repository.is_some() {
            // It runs nothing; what is in it is looked at by itself.
            return None;
        }
        let is_of_new = |it: &&GuardedRepository| {
            now.is_folder(&it.path) && !self.was.found.contains_key(&it.path)
        };
        let new = repository.filter(is_of_new);
        if new.is_some_and(|it| it.settings() == path) {
            return self.without_programs(path, held);
        }
        (was.is_none() || is_other)
            .then(|| self.told(path, held::remove(&self.directory, path), "was removed"))
    }

    /// Makes again what a command changed or removed.
    fn restore(&self, path: &Path, held: &HeldEntry, now: &Looked) -> Option<String> {
        if let Some(repository) = self.was.repository_of(path) {
            let is_place = repository.path == path;
            // Without its folder nothing of a repository runs anything.
            let is_gone = !now.is_folder(&repository.path);
            let is_left = if is_place {
                *held == HeldEntry::Folder || !now.found.contains_key(path)
            } else {
                is_gone || (*held == HeldEntry::Folder && !now.found.contains_key(path))
            };
            if is_left {
                return None;
            }
        }
        let is_mounted = self.mounted.iter().any(|it| path.starts_with(it));
        if is_mounted && !matches!(held, HeldEntry::Link(_)) {
            return None;
        }
        let restored = held::restore(&self.directory, path, held);
        Some(self.told(path, restored, "was put back as it was"))
    }

    /// Takes out of a new repository's settings what runs programs.
    fn without_programs(&self, path: &Path, held: &HeldEntry) -> Option<String> {
        let HeldEntry::File {
            content,
            mode,
            owner,
        } = held
        else {
            let removed = held::remove(&self.directory, path);
            return Some(self.told(path, removed, "was removed"));
        };
        let (kept, removed) = repository_settings::harmless(&String::from_utf8_lossy(content));
        if removed.is_empty() {
            return None;
        }
        let held = HeldEntry::File {
            content: kept.into_bytes(),
            mode: *mode,
            owner: *owner,
        };
        Some(match held::restore(&self.directory, path, &held) {
            Ok(()) => format!(
                "settings of the new repository that commands cannot make were removed: {}",
                removed.join(", ")
            ),
            Err(error) => self.told(path, Err(error), ""),
        })
    }

    fn told(&self, path: &Path, done: std::io::Result<()>, what: &str) -> String {
        let around = self.guarded().filter(|_| !self.is_workspace);
        let path = around.map_or_else(|| path.to_owned(), |it| it.base.join(path));
        let path = path.display();
        match done {
            Ok(()) => {
                format!(
                    "`{path}` {what}: commands cannot change what runs code or says what may run"
                )
            }
            Err(error) => {
                format!("`{path}` was changed by a command, and could not be put back: {error}")
            }
        }
    }
}

fn looked(directory: &OwnedFd, guarded: &GuardedFiles) -> std::io::Result<Looked> {
    let base = directory.as_fd();
    // Looks again at the files that are there, without following links on the way.
    let is_there =
        |it: &GuardedRepository| fstatat(base, &it.path, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok();
    let places = guarded.inhabited.iter();
    let made = places.map(|folder| GuardedRepository::in_folder(folder));
    let made = made.filter(is_there);
    let repositories: Vec<_> = guarded.repositories.iter().cloned().chain(made).collect();
    let mut found = BTreeMap::new();
    for repository in &repositories {
        held::note(base, &repository.path, &mut found)?;
        for file in repository.files() {
            held::note(base, &file, &mut found)?;
        }
        if let Some(hooks) = repository.hooks() {
            held::note_whole(base, &hooks, &mut found)?;
        }
    }
    for file in &guarded.files {
        held::note(base, file, &mut found)?;
    }
    for folder in guarded.hooks.iter().chain(&guarded.policy) {
        held::note_whole(base, folder, &mut found)?;
    }
    Ok(Looked {
        found,
        repositories,
    })
}
