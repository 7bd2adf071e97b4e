//! The skills that a repository offers: their names and what they are for. A model reads the body with
//! `read_file` when it needs one.

use std::collections::BTreeSet;

use crate::agent::repository::front_matter::FrontMatter;
use crate::agent::repository::model::{Skill, is_plain, named};
use crate::agent::repository::reader::RepositoryReader;
use crate::platform::process::descriptors::descriptor_path;
use crate::platform::text::within_chars;
use crate::workspace::error::PathError;

/// The folders that hold skills, a folder each. Of two with one name, the first counts.
const FOLDERS: [&str; 2] = [".agents/skills", ".claude/skills"];
/// The file of a skill.
const FILE: &str = "SKILL.md";
/// The most entries of a folder that are looked at.
const MAX_ENTRIES: usize = 2_000;
/// The most skills that are read.
const MAX_SKILLS: usize = 250;
/// The most of a skill's file that is read for its front matter, in bytes.
const HEAD_BYTES: u64 = 16 * 1024;
/// The longest name and description, in characters.
const NAME_CHARS: usize = 64;
const DESCRIPTION_CHARS: usize = 1_024;
/// The most skills that notes name.
const MAX_NAMED: usize = 5;

/// The skills of a workspace, and sentences about those that are left out. Blocks.
pub(super) fn read(reader: RepositoryReader<'_>) -> (Vec<Skill>, Vec<String>) {
    let mut found = FoundSkills::default();
    for folder in FOLDERS {
        found.look_into(reader, folder);
    }
    found.finish()
}

#[derive(Debug, Default)]
struct FoundSkills {
    skills: Vec<Skill>,
    names: BTreeSet<String>,
    looked_at: usize,
    beyond: usize,
    /// The paths of those that are left out, and the reasons.
    left_out: Vec<(String, String)>,
}

impl FoundSkills {
    fn look_into(&mut self, reader: RepositoryReader<'_>, folder: &str) {
        let entries = match reader.workspace.open_directory(folder) {
            Ok((opened, _)) => std::fs::read_dir(descriptor_path(&opened)),
            Err(PathError::Missing(_) | PathError::NotADirectory(_)) => return,
            Err(PathError::LeadsOut(_)) => {
                return self.leave_out(folder, "a link on its way leads out of the workspace");
            }
            Err(_) => return self.leave_out(folder, "it cannot be opened"),
        };
        let Ok(entries) = entries else {
            return self.leave_out(folder, "it cannot be listed");
        };
        let entries = entries.take(MAX_ENTRIES).filter_map(Result::ok);
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        for name in names {
            let name = name.to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            if self.looked_at == MAX_SKILLS {
                self.beyond += 1;
                continue;
            }
            self.add(reader, &format!("{folder}/{name}/{FILE}"), &name);
        }
    }

    fn add(&mut self, reader: RepositoryReader<'_>, path: &str, folder: &str) {
        let Some(file) = reader.file(path, HEAD_BYTES) else {
            return;
        };
        self.looked_at += 1;
        if !folder.chars().all(is_plain) {
            return self.leave_out(path, "its folder has an unusual name");
        }
        let text = match file.content {
            Ok(read) => read.text,
            Err(reason) => return self.leave_out(path, &reason),
        };
        let Some(front) = FrontMatter::read(&text) else {
            return self.leave_out(path, "it has no front matter that ends within 16 KiB");
        };
        let Some(description) = front.description else {
            return self.leave_out(path, "it has no description");
        };
        let name = front.name.unwrap_or_else(|| folder.to_owned());
        let name = within_chars(&name, NAME_CHARS);
        if !self.names.insert(name.to_lowercase()) {
            return self.leave_out(path, "another skill has its name");
        }
        self.skills.push(Skill {
            name,
            description: within_chars(&description, DESCRIPTION_CHARS),
            path: path.to_owned(),
        });
    }

    fn leave_out(&mut self, path: &str, reason: &str) {
        self.left_out.push((named(path), reason.to_owned()));
    }

    fn finish(self) -> (Vec<Skill>, Vec<String>) {
        let shown = self.left_out.iter().take(MAX_NAMED);
        let mut notes: Vec<String> = shown
            .map(|(path, reason)| format!("`{path}` is left out: {reason}."))
            .collect();
        let rest = self.left_out.len().saturating_sub(MAX_NAMED);
        if rest > 0 {
            notes.push(format!("{rest} more skills are left out."));
        }
        if self.beyond > 0 {
            let beyond = self.beyond;
            notes.push(format!("{beyond} more skills were not looked at."));
        }
        (self.skills, notes)
    }
}
