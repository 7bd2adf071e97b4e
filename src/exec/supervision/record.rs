//! The note of how far a command came, for the process that takes over its run.

use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The note of a command; nothing is noted of one that changes nothing.
#[derive(Debug)]
pub struct Record(Option<File>);

impl Record {
    /// Notes that the command begins. It is on the disk before the command is started, so that a
    /// note that is missing always means that nothing happened.
    pub fn begin(path: Option<&Path>) -> std::io::Result<Self> {
        let Some(path) = path else {
            return Ok(Self(None));
        };
        // A call that is run again, because it never began, starts its note again.
        let mut file = File::create(path)?;
        file.write_all(b"begun\n")?;
        file.sync_all()?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(Self(Some(file)))
    }

    /// Adds a line.
    pub fn note(&mut self, line: &str) {
        if let Some(file) = &mut self.0 {
            // Without it the outcome is unknown, and a person is asked.
            let _noted = file.write_all(line.as_bytes());
        }
    }
}
