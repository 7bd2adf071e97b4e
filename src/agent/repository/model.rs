//! The words of a repository: as far as they were read, and as far as they are shown.

use crate::platform::text::first_bytes;
use crate::runs::event_data::{InstructionFileData, InstructionsData};

/// Skills are offered within one part in this many of the budget.
const SKILLS_SHARE: usize = 4;
/// Of what is left, one part in this many is for the files after the first that has no room.
const LATER_SHARE: usize = 4;
/// The size of a skill in the list beside its name, its description and its path.
const SKILL_FRAME: usize = 12;
/// The longest name that a note repeats, in characters.
const NAME_CHARS: usize = 120;

/// A file of instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstructionFile {
    /// Its path within the workspace.
    pub path: String,
    /// Its size, in bytes.
    pub size: u64,
    /// Its text, or the reason why it is left out.
    pub content: Result<InstructionText, String>,
}

impl InstructionFile {
    /// The length of its text, in bytes.
    fn length(&self) -> usize {
        self.content.as_ref().map_or(0, |read| read.text.len())
    }
}

/// The text of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstructionText {
    /// The text, as it may be shown.
    pub text: String,
    /// True if the file was read to its end.
    pub is_whole: bool,
}

/// A skill: instructions for one kind of task, which are read when there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skill {
    /// Its name.
    pub name: String,
    /// Its purpose.
    pub description: String,
    /// The file that holds it.
    pub path: String,
}

/// The instructions and skills of a repository, as far as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryWords {
    /// Its instructions, those that count most first.
    pub files: Vec<InstructionFile>,
    /// The skills that it offers.
    pub skills: Vec<Skill>,
    /// Sentences about skills that are left out.
    pub notes: Vec<String>,
}

/// A file of instructions, as far as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownFile {
    /// Its path within the workspace.
    pub path: String,
    /// The part of its text that is shown.
    pub text: String,
    /// Its size, in bytes.
    pub size: u64,
}

/// The instructions and skills of a repository, as far as they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShownWords {
    /// Its instructions; a text that is left out is empty.
    pub files: Vec<ShownFile>,
    /// The skills that are offered.
    pub skills: Vec<Skill>,
    /// Sentences about what is missing.
    pub notes: Vec<String>,
}

impl RepositoryWords {
    /// The instructions alone.
    #[must_use]
    pub fn without_skills(self) -> Self {
        Self {
            files: self.files,
            ..Self::default()
        }
    }

    /// These words within so many bytes. The first file comes first; the skills have a part of their own.
    pub fn within(&self, budget: usize) -> ShownWords {
        let mut shown = ShownWords::default();
        let mut left = budget;
        let for_skills = budget / SKILLS_SHARE;
        for skill in &self.skills {
            let taken = skill.name.len() + skill.description.len() + skill.path.len() + SKILL_FRAME;
            if budget - left + taken > for_skills {
                break;
            }
            left -= taken;
            shown.skills.push(skill.clone());
        }
        for (at, file) in self.files.iter().enumerate() {
            // A long file leaves room for those after it.
            let after: usize = self.files[at + 1..]
                .iter()
                .map(InstructionFile::length)
                .sum();
            left -= shown.add(file, left - after.min(left / LATER_SHARE));
        }
        shown.notes.extend(self.notes.iter().cloned());
        let missing = self.skills.len() - shown.skills.len();
        if missing > 0 {
            let note = format!("{missing} more skills have no room here.");
            shown.notes.push(note);
        }
        shown
    }
}

impl ShownWords {
    /// Adds a file within so many bytes. Answers how many it took.
    fn add(&mut self, file: &InstructionFile, room: usize) -> usize {
        let mut text = String::new();
        let path = named(&file.path);
        let size = file.size;
        match &file.content {
            Err(reason) => self.notes.push(format!("`{path}` is left out: {reason}.")),
            Ok(read) => {
                let fitting = first_bytes(&read.text, room);
                if fitting.len() < read.text.len() || !read.is_whole {
                    let at = fitting.len();
                    self.notes.push(format!(
                        "`{path}` is cut at {at} bytes of its text; the file has {size}."
                    ));
                }
                fitting.clone_into(&mut text);
            }
        }
        let taken = text.len();
        self.files.push(ShownFile {
            path: file.path.clone(),
            text,
            size,
        });
        taken
    }

    /// True if there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.skills.is_empty() && self.notes.is_empty()
    }

    /// The bytes of instructions that are shown.
    pub fn bytes(&self) -> usize {
        self.files.iter().map(|file| file.text.len()).sum()
    }

    /// The event data for clients; none when there is nothing.
    pub fn data(&self) -> Option<InstructionsData> {
        let files = self.files.iter().map(|file| InstructionFileData {
            path: file.path.clone(),
            bytes: file.size,
            shown_bytes: file.text.len(),
        });
        (!self.is_empty()).then(|| InstructionsData {
            files: files.collect(),
            skills: self.skills.iter().map(|skill| skill.name.clone()).collect(),
            notes: self.notes.clone(),
        })
    }
}

/// The name of a file in a sentence of ours, which it neither ends nor continues.
pub(super) fn named(path: &str) -> String {
    let plain = path.chars().take(NAME_CHARS);
    plain
        .map(|it| if is_plain(it) { it } else { '\u{fffd}' })
        .collect()
}

/// True for the characters that names of files in a sentence may have.
pub(super) fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || "-_./@+ ".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> InstructionFile {
        InstructionFile {
            path: path.to_owned(),
            size: text.len() as u64,
            content: Ok(InstructionText {
                text: text.to_owned(),
                is_whole: true,
            }),
        }
    }

    fn skill(number: usize) -> Skill {
        Skill {
            name: format!("skill-{number:03}"),
            description: "d".repeat(80),
            path: format!(".agents/skills/skill-{number:03}/SKILL.md"),
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_and_said_once() {
        let words = RepositoryWords {
            files: vec![
                file("AGENTS.md", &"ä".repeat(50)),
                file("CLAUDE.md", "more"),
            ],
            ..RepositoryWords::default()
        };
        let shown = words.within(51);
        assert_eq!(shown.files[0].text.len(), 46);
        assert_eq!(shown.files[1].text, "more");
        let note = "`AGENTS.md` is cut at 46 bytes of its text; the file has 100.";
        assert_eq!(shown.notes, [note]);
        assert!(words.within(1_000).notes.is_empty());
    }

    #[test]
    fn many_skills_leave_room_for_instructions() {
        let words = RepositoryWords {
            files: vec![file("AGENTS.md", &"x".repeat(4_000))],
            skills: (0..500).map(skill).collect(),
            notes: Vec::new(),
        };
        let shown = words.within(4_000);
        assert_eq!(shown.skills.len(), 7);
        assert!(shown.bytes() >= 3_000, "{}", shown.bytes());
        assert_eq!(shown.notes[1], "493 more skills have no room here.");
    }

    #[test]
    fn a_name_in_a_note_does_not_go_on_in_our_voice() {
        assert_eq!(named("a`\nGo on: b"), "a\u{fffd}\u{fffd}Go on\u{fffd} b");
    }
}
