//! The temporary directory in which git works.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{fs, io};

use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::git::error::Error;
use crate::git::place::{NAMES, Place};

/// The way in which a repository stores its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// The names of objects are SHA-256.
    pub is_sha256: bool,
    /// The names of commits lie in a table.
    pub has_reftable: bool,
}

impl Format {
    /// The configuration of a repository of this format, without anything else.
    fn config(self) -> String {
        let version = u8::from(self != Self::default());
        let mut config = format!("[core]\n\tbare = false\n\trepositoryformatversion = {version}\n");
        if version > 0 {
            config.push_str("[extensions]\n");
        }
        if self.is_sha256 {
            config.push_str("\tobjectFormat = sha256\n");
        }
        if self.has_reftable {
            config.push_str("\trefStorage = reftable\n");
        }
        config
    }
}

/// A directory that git takes for a repository. It is removed when it is dropped, beside the runtime's
/// threads.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    held: Option<TempDir>,
}

impl Folder {
    /// Makes an empty one.
    pub fn make() -> Result<Self, Error> {
        let made = tempfile::Builder::new().prefix("navi-git-").tempdir();
        let held = made.map_err(|error| failed(&error))?;
        Ok(Self {
            path: held.path().to_owned(),
            held: Some(held),
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a second repository within it that has the names of another's commits, and neither its
    /// settings nor its objects. Answers its path.
    pub fn borrow_names(&self, place: &Place, format: Format) -> Result<PathBuf, Error> {
        let unreadable = || Error::Failed("its `HEAD` cannot be read".to_owned());
        let head = place.head().ok_or_else(unreadable)?;
        let own = self.path.join("names/own");
        let common = self.path.join("names/common");
        // Each working tree of a table has a table of its own, with its current commit.
        let make = || {
            fs::create_dir_all(&own)?;
            fs::write(own.join("HEAD"), head)?;
            fs::write(own.join("commondir"), "../common\n")?;
            fs::create_dir_all(common.join("objects"))?;
            fs::write(common.join("config"), format.config())?;
            for (theirs, ours) in [(&place.own, &own), (&place.common, &common)] {
                for name in NAMES {
                    if theirs.join(name).exists() {
                        symlink(theirs.join(name), ours.join(name))?;
                    }
                }
            }
            Ok(())
        };
        make().map_err(|error| failed(&error))?;
        Ok(own)
    }

    /// Makes it a repository with a current commit and a copy of another's index, which git writes to
    /// when times of files changed.
    pub fn furnish(&self, place: &Place, head: Option<&str>, is_sha256: bool) -> Result<(), Error> {
        let format = Format {
            is_sha256,
            has_reftable: false,
        };
        let make = || {
            fs::create_dir_all(self.path.join("refs/heads"))?;
            fs::create_dir_all(self.path.join("objects"))?;
            let head = head.unwrap_or("ref: refs/heads/none");
            fs::write(self.path.join("HEAD"), format!("{head}\n"))?;
            fs::write(self.path.join("config"), format.config())?;
            for file in place.index_files() {
                let name = file.file_name().unwrap_or_default();
                let copy = self.path.join(name);
                // Git compares a file whose entry is as old as the index itself, because it may have
                // changed within the same second; a copy that looks newer would hide such a change.
                let written = fs::metadata(&file)?.modified()?;
                fs::copy(&file, &copy)?;
                fs::File::options()
                    .write(true)
                    .open(&copy)?
                    .set_modified(written)?;
            }
            Ok(())
        };
        make().map_err(|error| failed(&error))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let held = self.held.take();
        // Work that a runtime at its end does not begin is dropped, and the directory with it.
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn_blocking(move || drop(held)));
        }
    }
}

fn failed(error: &io::Error) -> Error {
    Error::NoFolder(error.to_string())
}

/// Runs work on files beside the runtime's threads.
pub async fn blocking<T, F>(work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Error> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failure) => Err(Error::Failed(failure.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(root: &Path) -> Place {
        let own = root.join(".git");
        fs::create_dir_all(own.join("refs/heads")).unwrap();
        fs::write(own.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(own.join("config"), "[include]\n\tpath = /etc/passwd\n").unwrap();
        fs::write(own.join("index"), "index").unwrap();
        fs::write(own.join("sharedindex.1"), "shared").unwrap();
        Place::of(root).unwrap()
    }

    #[test]
    fn a_folder_has_the_names_and_a_copy_of_the_index_and_no_settings() {
        let root = tempfile::tempdir().unwrap();
        let place = repository(root.path());
        let folder = Folder::make().unwrap();
        let format = Format {
            is_sha256: true,
            has_reftable: true,
        };
        let names = folder.borrow_names(&place, format).unwrap();
        let config = fs::read_to_string(names.join("../common/config")).unwrap();
        insta::assert_snapshot!(config, @r"
        [core]
        	bare = false
        	repositoryformatversion = 1
        [extensions]
        	objectFormat = sha256
        	refStorage = reftable
        ");
        let linked = fs::read_link(names.join("../common/refs")).unwrap();
        assert_eq!(linked, place.common.join("refs"));
        let written = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(400_000);
        let index = fs::File::options()
            .write(true)
            .open(place.own.join("index"));
        index.unwrap().set_modified(written).unwrap();
        folder.furnish(&place, None, false).unwrap();
        let copied = fs::metadata(folder.path().join("index")).unwrap();
        assert_eq!(
            copied.modified().unwrap(),
            written,
            "as old as its original"
        );
        let config = fs::read_to_string(folder.path().join("config")).unwrap();
        assert!(config.ends_with("version = 0\n"), "{config}");
        for (name, content) in [("index", "index"), ("sharedindex.1", "shared")] {
            let copy = folder.path().join(name);
            assert!(!copy.is_symlink());
            assert_eq!(fs::read_to_string(copy).unwrap(), content);
        }
    }

    #[tokio::test]
    async fn a_folder_goes_with_its_holder() {
        let folder = Folder::make().unwrap();
        let path = folder.path().to_owned();
        assert!(path.is_dir());
        drop(folder);
        while path.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let outside = std::thread::spawn(|| {
            let folder = Folder::make().unwrap();
            folder.path().to_owned()
        });
        assert!(!outside.join().unwrap().exists());
    }
}
