//! Folders and the room on their disks.

use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access, getegid, geteuid};

use crate::cli::doctor::check::Check;

/// The name of the check of a database's disk.
pub(super) const DATABASE_DISK: &str = "database disk";
/// With less room than this the database will soon refuse to write.
const LITTLE_ROOM: u64 = 512 * 1024 * 1024;
/// The way to room for the data folder.
pub(super) const ANOTHER_DISK: &str = "make room, or set NAVI_DATA_DIR to a folder on another disk";
/// The way to room for a database.
pub(super) const DATABASE_FULL: &str =
    "make room on the disk of the database, as docs/database-full.md says";

/// The folder itself, or the nearest one above it that exists.
pub fn nearest(folder: &Path) -> PathBuf {
    let standing = folder.ancestors().find(|above| above.is_dir());
    // A relative path has no root above it.
    standing
        .filter(|above| !above.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The data folder, and whether it can be written.
pub fn writable(data_dir: &Path, standing: &Path) -> Check {
    let shown = data_dir.display();
    // The path itself or, as in `/etc/passwd/data`, one above it.
    if let Some(file) = data_dir
        .ancestors()
        .find(|above| above.exists() && !above.is_dir())
    {
        return Check::bad(
            "data folder",
            format!("{} is not a folder", file.display()),
            "export NAVI_DATA_DIR=/path/to/a/folder",
        );
    }
    match access(standing, AccessFlags::W_OK | AccessFlags::X_OK) {
        Ok(()) if data_dir == standing => Check::good("data folder", format!("{shown}")),
        Ok(()) => Check::good(
            "data folder",
            format!("{shown}, to be made at the first start"),
        ),
        Err(error) => Check::bad(
            "data folder",
            format!("{} cannot be written: {}", standing.display(), error.desc()),
            format!(
                "as root: install -d -o {} -g {} '{shown}'",
                geteuid(),
                getegid()
            ),
        ),
    }
}

/// The free room of the disk of a folder.
pub(super) fn room(name: &'static str, standing: &Path, mend: &str) -> Check {
    match statvfs(standing) {
        Ok(system) => {
            let free = system
                .blocks_available()
                .saturating_mul(system.fragment_size());
            let mebibytes = free / (1024 * 1024);
            if free < LITTLE_ROOM {
                let found = format!("{mebibytes} MiB free at {}", standing.display());
                Check::bad(name, found, mend)
            } else {
                Check::good(name, format!("{mebibytes} MiB free"))
            }
        }
        Err(error) => Check::bad(
            name,
            format!("the free room cannot be found out: {}", error.desc()),
            format!("df '{}'", standing.display()),
        ),
    }
}
