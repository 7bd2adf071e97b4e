//! The files of a workspace whose contents leave it only after a question.
//!
//! Every way by which a file reaches a model without a call that is judged asks here: the index, the
//! search through contents, the file that an editor has open, a review.

use std::path::{Path, PathBuf};

use crate::platform::redact::evidence::{Evidence, holds_secret};
use crate::policy::rule::FileAccess;
use crate::policy::rules::Shared;

/// Tells the secret files of one workspace. A clone tells the same.
#[derive(Clone, Debug)]
pub struct SecretFiles {
    rules: Shared,
    root: PathBuf,
}

impl SecretFiles {
    pub(super) fn new(rules: Shared, root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        Self { rules, root }
    }

    /// True if a file is secret by its name or by the folder it is in, whatever it holds. `path` is
    /// relative to the workspace, with its links followed, or absolute.
    pub fn is_named(&self, path: &str) -> bool {
        let absolute = self.root.join(path);
        let relative = absolute.strip_prefix(&self.root).unwrap_or(&absolute);
        let lower = |path: &Path| path.to_string_lossy().to_lowercase();
        let (name, place) = (lower(relative), lower(&absolute));
        !self.rules.about_file(&name, FileAccess::Read).is_empty()
            || !self.rules.about_place(&place).is_empty()
    }

    /// True if a file is secret by its name, its folder or by this text, which is its content or a
    /// part of that.
    pub fn is_secret(&self, path: &str, text: &str) -> bool {
        self.is_named(path) || holds_secret(text, Evidence::of(path))
    }
}
