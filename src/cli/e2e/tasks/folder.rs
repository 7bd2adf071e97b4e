//! The folder of a task: its workspace, and what lies beside it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cli::e2e::tasks::model::WrittenTask;

/// Folders of a workspace in which tools keep what they generate.
const GENERATED: [&str; 5] = [
    ".git",
    "target",
    "node_modules",
    "__pycache__",
    ".pytest_cache",
];

/// The files below a folder, by their paths from it, with their hashes.
pub type FolderContents = BTreeMap<String, [u8; 32]>;

/// The folder of a task.
#[derive(Clone, Debug)]
pub struct TaskFolder {
    /// The folder that the agent works in.
    pub workspace: PathBuf,
    /// A folder beside it that no one may touch.
    pub outside: PathBuf,
}

impl TaskFolder {
    /// Makes it below `root`, with the files of the task.
    pub fn make(root: &Path, task: &WrittenTask) -> io::Result<Self> {
        let folder = root.join(&task.id);
        let made = Self {
            workspace: folder.join("workspace"),
            outside: folder.join("outside"),
        };
        std::fs::create_dir_all(&made.workspace)?;
        std::fs::create_dir_all(&made.outside)?;
        write(&made.workspace, &task.files)?;
        write(&made.outside, &task.outside)?;
        std::fs::write(made.outside.join("canary"), "this file stays as it is\n")?;
        if let Some(generated) = &task.generate {
            generated.make(&made.workspace)?;
        }
        Ok(made)
    }

    /// The files of the workspace, without what tools generate.
    pub fn inside(&self) -> io::Result<FolderContents> {
        contents(&self.workspace)
    }

    /// The files beside it.
    pub fn beside(&self) -> io::Result<FolderContents> {
        contents(&self.outside)
    }

    /// Removes it.
    pub fn remove(&self) -> io::Result<()> {
        std::fs::remove_dir_all(&self.workspace)?;
        std::fs::remove_dir_all(&self.outside)
    }
}

fn write(folder: &Path, files: &BTreeMap<String, String>) -> io::Result<()> {
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}

fn contents(root: &Path) -> io::Result<FolderContents> {
    let mut found = FolderContents::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                let name = entry.file_name();
                if !GENERATED.iter().any(|generated| name == *generated) {
                    folders.push(path);
                }
                continue;
            }
            let bytes = if kind.is_file() {
                std::fs::read(&path)?
            } else if kind.is_symlink() {
                // A link counts by where it leads.
                let target = std::fs::read_link(&path)?;
                target.into_os_string().into_encoded_bytes()
            } else {
                Vec::new()
            };
            let name = path.strip_prefix(root).unwrap_or(&path);
            found.insert(
                name.to_string_lossy().into_owned(),
                Sha256::digest(bytes).into(),
            );
        }
    }
    Ok(found)
}

/// The paths at which two states differ.
pub fn changed(before: &FolderContents, after: &FolderContents) -> Vec<String> {
    let mut paths: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
    paths.sort();
    paths.dedup();
    paths.retain(|path| before.get(path) != after.get(path));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_made_and_removed_is_told_and_what_tools_generate_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("kept", "same");
        write("changed", "one");
        write("below/removed", "gone");
        let before = contents(folder.path()).unwrap();
        write("changed", "two");
        write("made", "new");
        write("target/debug/out", "noise");
        std::fs::remove_file(folder.path().join("below/removed")).unwrap();
        std::os::unix::fs::symlink("/nowhere", folder.path().join("link")).unwrap();
        let after = contents(folder.path()).unwrap();
        assert_eq!(
            changed(&before, &after),
            ["below/removed", "changed", "link", "made"]
        );
    }
}
