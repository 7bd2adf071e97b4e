//! The last checkpoint of every log, kept in the data folder: what a database that was rolled back
//! does not know.

use std::io::{self, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::audit::model::Log;
use crate::audit::note::{Checkpoint, VerifyingKey};
use crate::platform::hex::hex;

/// A folder with one file for every log.
#[derive(Clone, Debug)]
pub struct Witness {
    folder: PathBuf,
}

impl Witness {
    /// The witness in this folder, which need not exist.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The last checkpoint that was remembered, if it is there and one of the keys signed it.
    pub fn last(&self, log: &Log, keys: &[VerifyingKey]) -> Option<Checkpoint> {
        let note = self.note(log)?;
        let checkpoint = Checkpoint::open(&note, keys).ok()?;
        (checkpoint.log == log.as_str()).then_some(checkpoint)
    }

    /// The last checkpoint as it was written, whoever signed it.
    pub fn note(&self, log: &Log) -> Option<String> {
        std::fs::read_to_string(self.file(log)).ok()
    }

    /// The logs of which there is a checkpoint that one of the keys signed: more than the database knows,
    /// if somebody took a whole log away.
    pub fn logs(&self, keys: &[VerifyingKey]) -> Vec<Log> {
        let files = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        files
            .filter_map(|file| std::fs::read_to_string(file.path()).ok())
            .filter_map(|note| Checkpoint::open(&note, keys).ok())
            .map(|checkpoint| Log::from_name(&checkpoint.log))
            .collect()
    }

    /// Remembers a checkpoint instead of the last one.
    pub fn remember(&self, log: &Log, note: &str) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(note.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(self.file(log))?;
        Ok(())
    }

    /// Names of organisations may hold anything, so files are named by their hash.
    fn file(&self, log: &Log) -> PathBuf {
        let name = hex(&Sha256::digest(log.as_str())[..16]);
        self.folder.join(format!("{name}.checkpoint"))
    }
}
