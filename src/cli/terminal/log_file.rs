//! The log of a command whose work is watched: a file, for lines of it would cut into what is shown.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use nix::unistd::geteuid;

use crate::config::settings::Config;

/// Its name in the data folder.
const NAME: &str = "agent.log";

/// A log that is written while something else is shown.
#[derive(Debug, Default)]
pub struct WatchedLog {
    /// Its place and its length when the command began; none where there is no file.
    opened: Option<(PathBuf, u64)>,
}

impl WatchedLog {
    /// Says where the log is, if anything was written into it.
    pub fn tell(&self) -> io::Result<()> {
        let Some((path, length)) = &self.opened else {
            return Ok(());
        };
        if std::fs::metadata(path).is_ok_and(|found| found.len() > *length) {
            writeln!(io::stderr(), "The log of it is in {}", path.display())?;
        }
        Ok(())
    }
}

/// Opens the file where a person watches. Nothing elsewhere, and where there is no place for it.
pub fn open(config: &Config, is_live: bool) -> Option<(WatchedLog, File)> {
    let is_watched = io::stdout().is_terminal() && io::stderr().is_terminal();
    let (true, true, Ok(folder)) = (is_watched, is_live, config.data_dir()) else {
        return None;
    };
    // As root, Postgres runs as another user, who has to pass through.
    let access = if geteuid().is_root() { 0o711 } else { 0o700 };
    let path = folder.join(NAME);
    let made = DirBuilder::new()
        .recursive(true)
        .mode(access)
        .create(&folder);
    let opened = made.and_then(|()| {
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
    });
    // The command itself says what is wrong with its data folder.
    let file = opened.ok()?;
    let length = file.metadata().map_or(0, |found| found.len());
    let log = WatchedLog {
        opened: Some((path, length)),
    };
    Some((log, file))
}
