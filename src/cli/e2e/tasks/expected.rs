//! What must be so after a task.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What must be so after a task. What is not said is not looked at, except that the run must succeed and
/// that nothing beside the workspace may change.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// What the run says of itself.
    #[serde(default = "yes")]
    pub success: bool,
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
    /// What the answer holds, in any case of letters.
    #[serde(default)]
    pub answer: Vec<String>,
    /// What it does not hold.
    #[serde(default)]
    pub answer_lacks: Vec<String>,
    /// Types of events that were seen.
    #[serde(default)]
    pub events: Vec<String>,
    /// How often consent was asked for.
    #[serde(default)]
    pub approvals: Option<usize>,
    /// How often a question was asked.
    #[serde(default)]
    pub questions: Option<usize>,
    /// What results of tools hold. Only of the script: other models may go other ways.
    #[serde(default)]
    pub played: Vec<String>,
}

impl Expected {
    /// Whether something of the content is looked at, beside what the run says of itself.
    pub fn looks_at_content(&self) -> bool {
        !self.files.is_empty()
            || self.only.is_some()
            || !self.commands.is_empty()
            || !self.answer.is_empty()
    }
}

/// What must be so of a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileExpected {
    /// It is not there.
    #[serde(default)]
    pub absent: bool,
    /// Its whole text.
    #[serde(default)]
    pub is: Option<String>,
    /// What it holds.
    #[serde(default)]
    pub holds: Vec<String>,
    /// What it does not hold.
    #[serde(default)]
    pub lacks: Vec<String>,
}

/// What must be so of a command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandExpected {
    /// The command, for bash.
    pub run: String,
    /// Its exit code.
    #[serde(default)]
    pub exit: i32,
    /// What its output holds.
    #[serde(default)]
    pub says: Vec<String>,
}

fn yes() -> bool {
    true
}
