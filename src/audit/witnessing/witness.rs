//! Signed checkpoints, kept outside the database: a database that was rolled back does not know them.
//!
//! A folder holds the last checkpoint of every log, with which the next one is compared. A file, if the
//! settings name one, gets a line for each checkpoint and is never read by the server.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::audit::export::Line;
use crate::audit::model::Log;
use crate::audit::note::{Checkpoint, VerifyingKey};
use crate::platform::hex::hex;

/// Where checkpoints are kept; nowhere, if neither place is known.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    folder: Option<PathBuf>,
    file: Option<PathBuf>,
}

impl Witness {
    /// A witness with this folder and this file, which need not exist.
    pub fn new(folder: Option<PathBuf>, file: Option<PathBuf>) -> Self {
        Self { folder, file }
    }

    /// True if the last checkpoint of each log is kept where it can be compared with.
    pub fn has_folder(&self) -> bool {
        self.folder.is_some()
    }

    /// The last checkpoint that was remembered, if it is there and one of the keys signed it.
    pub fn last(&self, log: &Log, keys: &[VerifyingKey]) -> Option<Checkpoint> {
        let note = std::fs::read_to_string(self.path(log)?).ok()?;
        let checkpoint = Checkpoint::open(&note, keys).ok()?;
        (checkpoint.log == log.as_str()).then_some(checkpoint)
    }

    /// All kept checkpoints of all logs, no matter who signed them: more than the database knows, if a log
    /// was taken away.
    pub fn notes(&self) -> io::Result<Vec<String>> {
        let mut notes = Vec::new();
        if let Some(folder) = &self.folder {
            for entry in there(std::fs::read_dir(folder))?.into_iter().flatten() {
                let path = entry?.path();
                if path.extension().is_some_and(|ending| ending == ENDING) {
                    notes.push(read_text(&path)?);
                }
            }
        }
        if let Some(file) = &self.file {
            let text = there(std::fs::read(file))?.unwrap_or_default();
            notes.extend(notes_in(&String::from_utf8_lossy(&text)));
        }
        Ok(notes)
    }

    /// The kept checkpoints that cannot be read, in words: they were overwritten, and nothing is compared
    /// with them. A last line without its end comes from a machine that lost its power.
    pub fn unreadable(&self) -> io::Result<Vec<String>> {
        let mut problems = Vec::new();
        if let Some(folder) = &self.folder {
            for entry in there(std::fs::read_dir(folder))?.into_iter().flatten() {
                let path = entry?.path();
                let is_kept = path.extension().is_some_and(|ending| ending == ENDING);
                if is_kept && Checkpoint::read(&read_text(&path)?).is_err() {
                    problems.push(format!("`{}` holds no checkpoint", path.display()));
                }
            }
        }
        if let Some(file) = &self.file {
            let text = there(std::fs::read(file))?.unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            for (index, line) in whole.lines().enumerate() {
                let kept: Option<RememberedNote> = serde_json::from_str(line).ok();
                if kept.is_none_or(|kept| Checkpoint::read(&kept.checkpoint).is_err()) {
                    let (file, number) = (file.display(), index + 1);
                    problems.push(format!("line {number} of `{file}` holds no checkpoint"));
                }
            }
        }
        Ok(problems)
    }

    /// Remembers a checkpoint: in the folder instead of the last one, in the file behind all others.
    pub fn remember(&self, log: &Log, note: &str) -> io::Result<()> {
        if let (Some(folder), Some(path)) = (&self.folder, self.path(log)) {
            std::fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(note.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path)?;
        }
        if let Some(path) = &self.file {
            let mut line = serde_json::to_vec(&Line::Checkpoint(note.to_owned()))?;
            line.push(b'\n');
            let mut file = OpenOptions::new().append(true).create(true).open(path)?;
            // One write is one line, also when several servers share the file.
            file.write_all(&line)?;
            file.sync_data()?;
        }
        Ok(())
    }

    /// Why the file cannot be written to, or made; nothing when it can. Makes nothing.
    pub fn obstacle(&self) -> Option<io::Error> {
        let file = self.file.as_deref()?;
        match OpenOptions::new().append(true).open(file) {
            Ok(_) => None,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let folder = file.parent().filter(|folder| *folder != Path::new(""));
                let folder = folder.unwrap_or(Path::new("."));
                let writable = access(folder, AccessFlags::W_OK | AccessFlags::X_OK);
                writable.err().map(io::Error::from)
            }
            Err(error) => Some(error),
        }
    }

    /// Names of organisations may hold anything, so files are named by their hash.
    fn path(&self, log: &Log) -> Option<PathBuf> {
        let name = hex(&Sha256::digest(log.as_str())[..16]);
        let folder = self.folder.as_ref()?;
        Some(folder.join(format!("{name}.{ENDING}")))
    }
}

/// The extension of files with a checkpoint.
const ENDING: &str = "checkpoint";

/// The text of a file; bytes that are no text are replaced.
fn read_text(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
}

/// The result, if the file or folder is there at all.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A line of a witness file, of an export, or the answer of `GET /api/audit/checkpoint`.
#[derive(Deserialize)]
struct RememberedNote {
    checkpoint: String,
}

/// The checkpoints in a kept file: a signed text by itself, or JSON, one object a line.
pub fn notes_in(text: &str) -> Vec<String> {
    if let Ok(kept) = serde_json::from_str::<RememberedNote>(text) {
        return vec![kept.checkpoint];
    }
    if !text.trim_start().starts_with('{') {
        let is_text = !text.trim().is_empty();
        return is_text.then(|| text.to_owned()).into_iter().collect();
    }
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines.map(|kept: RememberedNote| kept.checkpoint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_keeps_the_last_and_the_file_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("witness.jsonl");
        let witness = Witness::new(Some(folder.path().join("kept")), Some(file.clone()));
        assert!(witness.notes().unwrap().is_empty());
        for note in ["one\n\nsigned\n", "two\n\nsigned\n"] {
            witness.remember(&Log::Server, note).unwrap();
        }
        let two = "two\n\nsigned\n";
        assert_eq!(witness.notes().unwrap(), [two, "one\n\nsigned\n", two]);
        let alone = Witness::new(None, Some(file));
        assert_eq!(alone.notes().unwrap().len(), 2);
        assert!(Witness::default().notes().unwrap().is_empty());
        Witness::default().remember(&Log::Server, two).unwrap();
    }

    #[test]
    fn what_somebody_wrote_over_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, file) = (folder.path().join("kept"), folder.path().join("w.jsonl"));
        let witness = Witness::new(Some(kept.clone()), Some(file.clone()));
        assert!(witness.unreadable().unwrap().is_empty());
        std::fs::create_dir(&kept).unwrap();
        std::fs::write(kept.join("x.checkpoint"), b"\xff\0").unwrap();
        std::fs::write(&file, "{\"checkpoint\": \"x\"}\nx\n{\"check").unwrap();
        assert_eq!(witness.unreadable().unwrap().len(), 3);
        assert_eq!(witness.notes().unwrap().len(), 2);
    }

    #[test]
    fn checkpoints_are_found_however_they_were_kept() {
        let note = "navi-audit/acme\n1\n\n— x\n".to_owned();
        let answer = serde_json::json!({"size": 1, "checkpoint": note});
        let pretty = serde_json::to_string_pretty(&answer).unwrap();
        for text in [note.clone(), answer.to_string(), pretty] {
            assert_eq!(notes_in(&text), std::slice::from_ref(&note), "{text}");
        }
        let lines = format!("{{\"header\": {{}}}}\n{answer}\n{answer}\n");
        assert_eq!(notes_in(&lines).len(), 2);
        assert!(notes_in(" \n").is_empty());
    }
}
