//! The words of a repository that hold for the whole workspace.

use crate::agent::repository::model::{InstructionFile, RepositoryWords};
use crate::agent::repository::reader::{MAX_READ_BYTES, RepositoryReader};
use crate::agent::repository::skills;

/// The files of instructions in the workspace's root, those that count most first.
const FILES: [&str; 3] = ["AGENTS.md", "CLAUDE.md", ".github/copilot-instructions.md"];

/// Reads the instructions and skills of a workspace. Blocks.
pub fn read(reader: RepositoryReader<'_>) -> RepositoryWords {
    let (skills, notes) = skills::read(reader);
    let mut words = RepositoryWords {
        files: Vec::new(),
        skills,
        notes,
    };
    for path in FILES {
        let Some(mut file) = reader.file(path, MAX_READ_BYTES) else {
            continue;
        };
        let said =
            |other: &&InstructionFile| other.content.is_ok() && other.content == file.content;
        if let Some(other) = words.files.iter().find(said) {
            file.content = Err(format!("it says the same as `{}`", other.path));
        }
        let is_blank = matches!(&file.content, Ok(read) if read.text.trim().is_empty());
        if !is_blank {
            words.files.push(file);
        }
    }
    words
}
