//! Folders of files that tools generate: caches, dependencies, results of builds.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Generated wherever they stand, or the data of a repository.
const ALWAYS: &[&str] = &[
    ".eggs",
    ".git",
    ".gradle",
    ".hg",
    ".ipynb_checkpoints",
    ".jj",
    ".mypy_cache",
    ".next",
    ".nox",
    ".nuxt",
    ".nyc_output",
    ".parcel-cache",
    ".pytest_cache",
    ".ruff_cache",
    ".svelte-kit",
    ".svn",
    ".terraform",
    ".tox",
    ".turbo",
    ".venv",
    "__pycache__",
    "node_modules",
];
/// The ends of names that are always generated.
const ENDINGS: &[&str] = &[".dist-info", ".egg-info"];
/// A folder that holds one of these is a cache, or an installed Python environment.
const MARKS: &[&str] = &["CACHEDIR.TAG", "pyvenv.cfg"];
/// Generated where the repository ignores them.
const WHERE_IGNORED: &[&str] = &[
    "_build", "bin", "build", "coverage", "dist", "obj", "out", "target", "venv",
];
/// Beside one of these, `target` is the result of a build.
const BESIDE_TARGET: &[&str] = &["Cargo.toml", "build.sbt", "pom.xml"];
/// Generated files that stand beside others.
const FILES: &[&str] = &[".DS_Store", ".coverage"];

/// True if the files in a folder below the root were generated.
pub fn is_generated_folder(root: &Path, folder: &Path) -> bool {
    let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    let is_named = ALWAYS.contains(&name) || ENDINGS.iter().any(|end| name.ends_with(end));
    if is_named || MARKS.iter().any(|mark| is_there(&folder.join(mark))) {
        return true;
    }
    let is_beside = |other: &str| is_there(&folder.with_file_name(other));
    if name == "target" && BESIDE_TARGET.iter().any(|other| is_beside(other)) {
        return true;
    }
    WHERE_IGNORED.contains(&name) && is_ignored(root, folder)
}

/// True if a file was generated although its folder was not.
pub(super) fn is_generated_file(name: &str) -> bool {
    let extension = Path::new(name).extension();
    FILES.contains(&name) || extension.is_some_and(|extension| extension == "pyc")
}

/// True if one of the ignore files between the root and a folder names it.
fn is_ignored(root: &Path, folder: &Path) -> bool {
    let above = folder.ancestors().skip(1);
    let mut above = above.take_while(|above| above.starts_with(root));
    let ignores = |above: &Path, file: &str| {
        let mut rules = GitignoreBuilder::new(above);
        // Lines that cannot be read ignore nothing.
        let _unread = rules.add(above.join(file));
        let rules = rules.build().unwrap_or_else(|_| Gitignore::empty());
        rules.matched(folder, true).is_ignore()
    };
    above.any(|above| ignores(above, ".gitignore")) || ignores(root, ".git/info/exclude")
}
