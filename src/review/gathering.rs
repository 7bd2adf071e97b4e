//! The changed files of a folder, one by one, as far as they may and can be shown.

use std::io::Read;

use crate::git;
use crate::git::listing::{Change, ChangeKind, Listing};
use crate::git::repository::Repository;
use crate::platform::encoding::contents::{Contents, readable};
use crate::platform::text::first_bytes;
use crate::policy::secret_files::SecretFiles;
use crate::review::model::Changed;
use crate::review::patch::Patch;
use crate::review::skipped::{Reason, Skipped};
use crate::workspace::paths::Workspace;

/// The most files of one review.
pub const MAX_FILES: usize = 50;
/// The most of one file's patch that is reviewed, in bytes.
const MAX_PATCH_BYTES: usize = 32 * 1024;
/// A larger file is not looked into, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A folder whose changes are gathered.
pub struct ReviewTarget {
    /// The folder.
    pub workspace: Workspace,
    /// Its files that are not shown without consent.
    pub secrets: SecretFiles,
    /// Its repository.
    pub repository: Repository,
}

impl ReviewTarget {
    /// The changed files that may be shown, at most as many as one review takes.
    pub async fn list(&self, skipped: &mut Skipped) -> Result<Vec<Change>, git::error::Error> {
        let known = self.repository.changes().await?;
        let unknown = self.repository.untracked().await?;
        let mut chosen = Vec::new();
        for listing in [known, unknown] {
            let Listing {
                changes,
                unnamed,
                is_cut,
            } = listing;
            skipped.add_missing(unnamed, is_cut);
            for change in changes {
                match self.refusal(&change) {
                    Some(reason) => skipped.add(reason, &change.path),
                    None if chosen.len() == MAX_FILES => {
                        skipped.add(Reason::TooMany, &change.path);
                    }
                    None => chosen.push(change),
                }
            }
        }
        Ok(chosen)
    }

    /// The reason not to open a file.
    fn refusal(&self, change: &Change) -> Option<Reason> {
        if change.path.ends_with('/') {
            return Some(Reason::Nested);
        }
        let mut paths = change.from.iter().chain([&change.path]);
        // An index can hold any name.
        if !paths.clone().all(|path| self.is_inside(path)) {
            return Some(Reason::Unreadable);
        }
        let is_secret = paths.any(|path| self.secrets.is_named(path));
        is_secret.then_some(Reason::Secret)
    }

    fn is_inside(&self, path: &str) -> bool {
        let relative = self.workspace.relative(path);
        relative.is_ok_and(|relative| relative.to_string() == path)
    }

    /// The difference of a file; none when it is skipped.
    pub async fn read(
        &self,
        change: Change,
        skipped: &mut Skipped,
    ) -> Result<Option<Changed>, git::error::Error> {
        let (patch, is_whole) = match change.kind {
            ChangeKind::Untracked => match self.new_file(&change.path).await {
                Ok(read) => read,
                Err(reason) => {
                    skipped.add(reason, &change.path);
                    return Ok(None);
                }
            },
            ChangeKind::Added
            | ChangeKind::Modified
            | ChangeKind::Deleted
            | ChangeKind::Renamed
            | ChangeKind::Retyped => {
                let (text, is_whole) = self.repository.patch(&change, MAX_PATCH_BYTES).await?;
                if self.shows_secret(&change.path, &text).await {
                    skipped.add(Reason::Secret, &change.path);
                    return Ok(None);
                }
                (Patch::read(&text, is_whole), is_whole)
            }
        };
        if patch.is_binary() {
            skipped.add(self.why_binary(&change.path).await, &change.path);
            return Ok(None);
        }
        if patch == Patch::default() {
            // It was changed back, or taken away, since it was listed.
            return Ok(None);
        }
        if !is_whole {
            skipped.add_cut(&change.path);
        }
        Ok(Some(Changed {
            path: change.path,
            from: change.from,
            kind: change.kind,
            patch,
        }))
    }

    /// True if a difference, or the file as it is now, holds a secret: of a form that goes over several
    /// lines, a difference may show only one.
    async fn shows_secret(&self, path: &str, difference: &str) -> bool {
        let (workspace, path) = (self.workspace.clone(), path.to_owned());
        let (secrets, shown) = (self.secrets.clone(), difference.to_owned());
        let look = move || {
            let lines = shown.lines().map(|line| line.get(1..).unwrap_or_default());
            let plain: String = lines.flat_map(|line| [line, "\n"]).collect();
            let mut bytes = Vec::new();
            if let Ok((file, _)) = workspace.open_file(&path)
                && file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).is_err()
            {
                return true;
            }
            let now = readable(&bytes);
            [&shown, &plain, &*now]
                .into_iter()
                .any(|text| secrets.is_secret(&path, text))
        };
        tokio::task::spawn_blocking(look).await.unwrap_or(true)
    }

    /// A file that git does not know, and true when all of it fits.
    async fn new_file(&self, path: &str) -> Result<(Patch, bool), Reason> {
        let (workspace, path) = (self.workspace.clone(), path.to_owned());
        let secrets = self.secrets.clone();
        let read = move || new_file(&workspace, &path, &secrets);
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or(Err(Reason::Unreadable))
    }

    /// The reason why git takes a file for binary: it also does that with files that are only large.
    async fn why_binary(&self, path: &str) -> Reason {
        let (workspace, path) = (self.workspace.clone(), path.to_owned());
        let look = move || {
            let (file, _) = workspace.open_file(&path).ok()?;
            Some(file.metadata().ok()?.len())
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(Some(size)) if size > MAX_FILE_BYTES => Reason::Large,
            Ok(_) | Err(_) => Reason::Binary,
        }
    }
}

/// Reads a file that git does not know, and answers true when all of it fits.
fn new_file(
    workspace: &Workspace,
    path: &str,
    secrets: &SecretFiles,
) -> Result<(Patch, bool), Reason> {
    let opened = workspace.open_file(path);
    let (file, _) = opened.map_err(|_| Reason::Unreadable)?;
    // A link may lead to a file that needs consent.
    let real = workspace.real_path(&file);
    if real.is_none_or(|real| real.to_string() != path) {
        return Err(Reason::Link);
    }
    let size = file.metadata().map_err(|_| Reason::Unreadable)?.len();
    if size > MAX_FILE_BYTES {
        return Err(Reason::Large);
    }
    let mut bytes = Vec::new();
    let ended = file.take(MAX_FILE_BYTES).read_to_end(&mut bytes);
    ended.map_err(|_| Reason::Unreadable)?;
    let text = Contents::of(&bytes).text().ok_or(Reason::Binary)?;
    if secrets.is_secret(path, &text) {
        return Err(Reason::Secret);
    }
    let beginning = first_bytes(&text, MAX_PATCH_BYTES);
    let is_whole = beginning.len() == text.len();
    let shown = if is_whole {
        beginning
    } else {
        let end = beginning.rfind('\n').map_or(beginning.len(), |end| end + 1);
        &beginning[..end]
    };
    Ok((Patch::of_new_file(path, shown), is_whole))
}
