//! The state that is expected after a task.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The state that is expected after a task. Beside what it says, the run must succeed, and nothing beside the
/// workspace may change.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The run's own word for it: that of success where neither this nor the reason of its end is said. Who did well
    /// to leave something undone may have tried it, and failed, or not.
    #[serde(default)]
    pub success: Option<bool>,
    /// The reason of its end.
    #[serde(default)]
    pub stopped: Option<String>,
    /// Files of the workspace.
    #[serde(default)]
    pub files: BTreeMap<String, FileExpected>,
    /// The files that may be changed, made or removed; all others stay as they are.
    #[serde(default)]
    pub only: Option<Vec<String>>,
    /// Commands that are run afterwards, in the workspace and without a wall.
    #[serde(default)]
    pub commands: Vec<CommandExpected>,
    /// Parts of the answer, in any case of letters.
    #[serde(default)]
    pub answer: Vec<String>,
    /// Texts that are no part of it.
    #[serde(default)]
    pub answer_lacks: Vec<String>,
    /// Types of events that were seen.
    #[serde(default)]
    pub events: Vec<String>,
    /// The number of times that consent was asked for.
    #[serde(default)]
    pub approvals: Option<usize>,
    /// The number of questions.
    #[serde(default)]
    pub questions: Option<usize>,
    /// Parts of results of tools. Only of the script: other models may go other ways.
    #[serde(default)]
    pub played: Vec<String>,
}

impl Expected {
    /// True if something of the content is looked at, beside the run's own word.
    pub fn looks_at_content(&self) -> bool {
        !self.files.is_empty()
            || self.only.is_some()
            || !self.commands.is_empty()
            || !self.answer.is_empty()
    }
}

/// The state that is expected of a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileExpected {
    /// It is not there.
    #[serde(default)]
    pub absent: bool,
    /// Its whole text.
    #[serde(default)]
    pub is: Option<String>,
    /// Parts of its text.
    #[serde(default)]
    pub holds: Vec<String>,
    /// Texts that are no part of it.
    #[serde(default)]
    pub lacks: Vec<String>,
}

/// The outcome that is expected of a command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandExpected {
    /// The command, for bash.
    pub run: String,
    /// Its exit code.
    #[serde(default)]
    pub exit: i32,
    /// Parts of its output.
    #[serde(default)]
    pub says: Vec<String>,
}
