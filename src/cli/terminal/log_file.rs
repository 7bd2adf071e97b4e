//! The log of a command whose work is watched: a file, for lines of it would cut into what is shown.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::Mutex;

use nix::unistd::geteuid;

use crate::config::settings::Config;

/// Its name in the data folder.
const NAME: &str = "agent.log";

/// Opens the file where a person watches, and says where it is. Nothing elsewhere, and where there is no
/// place for it.
pub fn open(config: &Config, is_live: bool) -> io::Result<Option<Mutex<File>>> {
    let is_watched = io::stdout().is_terminal() && io::stderr().is_terminal();
    let (true, true, Ok(folder)) = (is_watched, is_live, config.data_dir()) else {
        return Ok(None);
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
    match opened {
        Ok(file) => {
            writeln!(io::stderr(), "The log is in {}", path.display())?;
            Ok(Some(Mutex::new(file)))
        }
        // The command itself says what is wrong with its data folder.
        Err(_) => Ok(None),
    }
}
