//! Reading a file of a repository that is shown to a model unasked.

use std::fs::File;
use std::io::Read;

use crate::agent::repository::model::{InstructionFile, InstructionText};
use crate::exec::text::unfinished;
use crate::platform::encoding::contents::Contents;
use crate::platform::redact::evidence::{Evidence, holds_secret};
use crate::platform::redact::text::redact_text;
use crate::platform::text::visible_prose;
use crate::policy::secret_files::SecretFiles;
use crate::workspace::error::PathError;
use crate::workspace::paths::Workspace;

/// The most of a file that is read, in bytes; even, so that a character of two bytes stays whole.
pub const MAX_READ_BYTES: u64 = 256 * 1024;

/// The reason to leave out what may hold secrets.
const SECRET: &str = "it may hold secrets";

/// Reads files of one workspace.
#[derive(Clone, Copy, Debug)]
pub struct RepositoryReader<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// Its files that are not shown unasked.
    pub secrets: &'a SecretFiles,
}

impl RepositoryReader<'_> {
    /// Reads at most so many bytes of a file; none when it is not there. Blocks.
    pub(super) fn file(&self, path: &str, most: u64) -> Option<InstructionFile> {
        let file = |size, content| InstructionFile {
            path: path.to_owned(),
            size,
            content,
        };
        let opened = match self.workspace.open_file(path) {
            Ok((opened, _)) => opened,
            Err(PathError::Missing(_) | PathError::NotADirectory(_)) => return None,
            Err(error) => return Some(file(0, Err(refusal(&error)))),
        };
        let size = opened.metadata().map_or(0, |found| found.len());
        if self.is_secret(path, &opened) {
            return Some(file(size, Err(SECRET.to_owned())));
        }
        Some(file(size, text_of(opened, most)))
    }

    /// True if a file is secret by its name, or by that of the file that a link leads to.
    fn is_secret(&self, path: &str, opened: &File) -> bool {
        let real = self.workspace.real_path(opened);
        let leads_to_secret = real.is_some_and(|real| self.secrets.is_named(&real.to_string()));
        leads_to_secret || self.secrets.is_named(path)
    }
}

/// The reason why a file cannot be opened, without its name.
fn refusal(error: &PathError) -> String {
    match error {
        PathError::LeadsOut(_) => "a link on its way leads out of the workspace".to_owned(),
        PathError::NotAFile { found, .. } => format!("it is {found}, not a file"),
        PathError::Refused { reason, .. } => format!("it cannot be opened ({reason})"),
        PathError::Malformed(_)
        | PathError::Outside(_)
        | PathError::Missing(_)
        | PathError::NotADirectory(_) => "its path cannot be used".to_owned(),
    }
}

fn text_of(file: File, most: u64) -> Result<InstructionText, String> {
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("it cannot be read ({})", error.kind()))?;
    let is_whole = bytes.len() as u64 <= most;
    if !is_whole {
        bytes.pop();
        cut_to_characters(&mut bytes);
    }
    let text = Contents::of(&bytes).text();
    let text = text.ok_or("it holds no text")?;
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = redact_text(text.trim_end());
    if holds_secret(&text, Evidence::Strict) {
        return Err(SECRET.to_owned());
    }
    Ok(InstructionText {
        text: visible_prose(&text).into_owned(),
        is_whole,
    })
}

/// Drops the bytes at the end that begin a character of UTF-8 without finishing it.
fn cut_to_characters(bytes: &mut Vec<u8>) {
    let is_wide =
        bytes.contains(&0) || bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if !is_wide {
        bytes.truncate(bytes.len() - unfinished(bytes));
    }
}
