//! The log of Postgres: it is appended to, shortened and quoted.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::platform::embedded_postgres::error::Error;

/// A log longer than this is put aside; one earlier log is kept.
const LIMIT: u64 = 8 * 1024 * 1024;
/// The number of lines that an error message shows.
const TAIL_LINES: usize = 12;

/// Opens the log for appending and puts a long one aside. Answers with its length too: what
/// comes after it was said by this start.
pub(super) fn open(log: &Path) -> Result<(File, u64), Error> {
    if std::fs::metadata(log).is_ok_and(|metadata| metadata.len() > LIMIT) {
        std::fs::rename(log, earlier(log)).map_err(Error::file("cannot rename", log))?;
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(log)
        .map_err(Error::file("cannot open", log))?;
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    Ok((file, length))
}

/// Cuts a log that has grown too long while Postgres writes to it: the end of it is copied aside
/// and the file is emptied. Postgres appends, so it goes on at the new beginning.
pub(super) fn shorten(log: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().write(true).open(log)?;
    if file.metadata()?.len() > LIMIT {
        std::fs::copy(log, earlier(log))?;
        file.set_len(0)?;
    }
    Ok(())
}

/// The last lines that were logged after `start`.
pub(super) fn tail(log: &Path, start: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        // A server that fails in a loop must not fill our memory.
        let last = file.metadata()?.len().saturating_sub(16 * 1024);
        file.seek(SeekFrom::Start(start.max(last)))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(text)
    };
    let text = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// The place of the one earlier log that is kept.
fn earlier(log: &Path) -> PathBuf {
    log.with_extension("1")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_log_that_grew_too_long_is_put_aside_while_it_is_written_to() {
        let base = tempfile::tempdir().unwrap();
        let log = base.path().join("log");
        let (mut writer, start) = open(&log).unwrap();
        assert_eq!(start, 0);
        shorten(&log).unwrap();
        writer.set_len(LIMIT + 1).unwrap();
        shorten(&log).unwrap();
        writeln!(writer, "after").unwrap();
        assert_eq!(tail(&log, 0), "after");
        assert!(base.path().join("log.1").exists());
    }
}
