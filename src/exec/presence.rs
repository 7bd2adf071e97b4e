//! A file that shows that this process lives, for those that are started after it is gone.
//!
//! The process holds a lock on it, and so does every supervisor of a command of its, until nothing that
//! the command started is left. The kernel lets go of a lock when its holders are gone, however they
//! ended, and not before: a number of a process may be another's by now, and in a container means
//! something else; a lock does not. So the process that gets the lock knows that the process and all it had
//! started are gone. The file names the kernel under which it was made: on another machine that sees
//! the same folder, a lock may be there and not be seen.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The kernel's name for the time since it was started.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The time that an unusable file is kept.
const KEPT_FOR: Duration = Duration::from_hours(24);

/// The file of this process; cheap to clone, and gone with the last clone.
#[derive(Clone, Debug)]
pub struct Presence(Arc<Held>);

#[derive(Debug)]
struct Held {
    folder: PathBuf,
    path: PathBuf,
    boot: String,
    file: File,
}

/// The file of a process that is gone, with its lock.
#[derive(Debug)]
pub struct Lost {
    /// The notes of the process.
    pub notes: Vec<String>,
    path: PathBuf,
    is_old: bool,
    _lock: File,
}

impl Presence {
    /// Makes the file of this process below a data folder. Nothing where that cannot be done: then others
    /// wait until the leases of this process end.
    pub fn show(data_folder: &Path) -> Option<Self> {
        let made = Held::make(&data_folder.join("processes"));
        made.inspect_err(|error| tracing::info!(%error, "this process cannot show that it lives"))
            .ok()
            .map(|held| Self(Arc::new(held)))
    }

    /// The file, for supervisors.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Notes something that others should know when this process is gone.
    pub fn note(&self, note: &str) -> std::io::Result<()> {
        (&self.0.file).write_all(format!("{note}\n").as_bytes())
    }

    /// Shows no longer that this process lives: it ends in good order, and left nothing to act on.
    pub fn hide(&self) {
        let _gone = std::fs::remove_file(&self.0.path);
    }

    /// The processes that lived in this folder, under this kernel, and are gone with all they started.
    pub fn find_lost(&self) -> Vec<Lost> {
        let entries = std::fs::read_dir(&self.0.folder).into_iter().flatten();
        let paths = entries.flatten().map(|entry| entry.path());
        let others = paths.filter(|path| *path != self.0.path);
        others
            .filter_map(|path| Lost::of(path, &self.0.boot))
            .collect()
    }
}

impl Lost {
    /// Removes the file, after what it notes was acted on. Where nothing came of it, the note may be
    /// about another database, so the file stays for a day.
    pub fn forget(self, was_ours: bool) {
        if was_ours || self.is_old {
            let _gone = std::fs::remove_file(&self.path);
        }
    }

    fn of(path: PathBuf, boot: &str) -> Option<Self> {
        let mut file = File::options().read(true).open(&path).ok()?;
        let age = file.metadata().ok()?.modified().ok()?.elapsed();
        let is_old = age.is_ok_and(|age| age > KEPT_FOR);
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        let mut lines = text.lines();
        if lines.next() != Some(boot) {
            // Of a kernel that may run elsewhere, or was restarted since.
            if is_old {
                let _gone = std::fs::remove_file(&path);
            }
            return None;
        }
        let notes = lines.map(str::to_owned).collect();
        file.try_lock().ok()?;
        Some(Self {
            notes,
            path,
            is_old,
            _lock: file,
        })
    }
}

impl Held {
    fn make(folder: &Path) -> std::io::Result<Self> {
        let boot = std::fs::read_to_string(BOOT_ID)?.trim().to_owned();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let name = format!("{:032x}", rand::random::<u128>());
        // Locked before it has its name, so that it is never found without its lock.
        let draft = folder.join(format!(".{name}"));
        let mut file = File::options().append(true).create_new(true).open(&draft)?;
        let made = lock_shared(&file)
            .and_then(|()| file.write_all(format!("{boot}\n").as_bytes()))
            .and_then(|()| std::fs::rename(&draft, folder.join(&name)));
        if let Err(error) = made {
            let _gone = std::fs::remove_file(&draft);
            return Err(error);
        }
        Ok(Self {
            path: folder.join(name),
            folder: folder.to_owned(),
            boot,
            file,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.path);
    }
}

/// Shares the lock of a process, for as long as the file is open. Fails when the process is gone, and
/// another acts on that already.
pub fn share(path: &Path) -> std::io::Result<File> {
    let file = File::open(path)?;
    lock_shared(&file)?;
    // Between the two it may have been taken for lost and removed.
    if path.try_exists()? {
        return Ok(file);
    }
    Err(std::io::ErrorKind::NotFound.into())
}

fn lock_shared(file: &File) -> std::io::Result<()> {
    file.try_lock_shared().map_err(|error| match error {
        TryLockError::Error(error) => error,
        TryLockError::WouldBlock => std::io::ErrorKind::WouldBlock.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(of: &Presence) -> Vec<Vec<String>> {
        of.find_lost().into_iter().map(|lost| lost.notes).collect()
    }

    /// Makes it look as if the process of this presence had been killed: its file stays, without its
    /// lock.
    fn killed(presence: &Presence) {
        let path = presence.path().to_owned();
        let text = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, text).unwrap();
    }

    #[test]
    fn who_lives_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let one = Presence::show(folder.path()).unwrap();
        let other = Presence::show(folder.path()).unwrap();
        one.note("a").unwrap();
        assert_eq!(notes(&other), Vec::<Vec<String>>::new());
    }

    #[test]
    fn who_is_gone_is_lost_with_what_it_noted() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Presence::show(folder.path()).unwrap();
        gone.note("a").unwrap();
        gone.note("b").unwrap();
        killed(&gone);
        let next = Presence::show(folder.path()).unwrap();
        assert_eq!(notes(&next), [["a", "b"]]);
    }

    #[test]
    fn who_left_a_command_behind_is_not_lost_before_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Presence::show(folder.path()).unwrap();
        killed(&gone);
        let supervisor = share(gone.path()).unwrap();
        let next = Presence::show(folder.path()).unwrap();
        assert!(next.find_lost().is_empty());
        drop(supervisor);
        assert_eq!(next.find_lost().len(), 1);
    }

    #[test]
    fn a_process_of_another_kernel_is_left_to_its_lease() {
        let folder = tempfile::tempdir().unwrap();
        let here = Presence::show(folder.path()).unwrap();
        let elsewhere = here.path().with_file_name("elsewhere");
        std::fs::write(&elsewhere, "another-boot\na\n").unwrap();
        assert!(here.find_lost().is_empty());
        assert!(elsewhere.exists());
    }

    #[test]
    fn a_supervisor_that_comes_too_late_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Presence::show(folder.path()).unwrap();
        killed(&gone);
        let next = Presence::show(folder.path()).unwrap();
        let lost = next.find_lost();
        assert!(share(gone.path()).is_err());
        for lost in lost {
            lost.forget(true);
        }
        assert!(share(gone.path()).is_err());
    }

    #[test]
    fn what_concerned_another_database_stays_for_its_servers() {
        let folder = tempfile::tempdir().unwrap();
        let gone = Presence::show(folder.path()).unwrap();
        killed(&gone);
        let next = Presence::show(folder.path()).unwrap();
        for lost in next.find_lost() {
            lost.forget(false);
        }
        assert_eq!(next.find_lost().len(), 1);
    }

    #[test]
    fn who_ends_in_good_order_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Presence::show(folder.path()).unwrap());
        let left = std::fs::read_dir(folder.path().join("processes"));
        assert_eq!(left.unwrap().count(), 0);
    }
}
