//! A task as a file of tasks describes it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cli::e2e::tasks::expected::Expected;
use crate::cli::e2e::tasks::generated::Generated;
use crate::llm::script::Turn;

/// The kinds of work.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Say what code does.
    Explain,
    /// Find something.
    Search,
    /// Change one file.
    Edit,
    /// Change several files that belong together.
    Refactor,
    /// Mend what a test finds.
    FixTest,
    /// Write a test.
    AddTest,
    /// Begin a project.
    CreateProject,
    /// Run a server and look whether it answers.
    Server,
    /// Work with git.
    Git,
    /// Ask the person what only the person knows.
    AskUser,
    /// Do what a person allowed.
    ApprovalGiven,
    /// Do without what a person did not allow.
    ApprovalDenied,
    /// Leave alone what destroys or spies.
    Unsafe,
    /// Go on after failures of the provider.
    ProviderErrors,
    /// Cope with more output than a model can read.
    LongOutput,
    /// Find one's way in a large repository.
    BigRepository,
    /// End when the client leaves.
    Leave,
}

impl TaskKind {
    /// All kinds, in the order of the report.
    pub const ALL: [Self; 17] = [
        Self::Explain,
        Self::Search,
        Self::Edit,
        Self::Refactor,
        Self::FixTest,
        Self::AddTest,
        Self::CreateProject,
        Self::Server,
        Self::Git,
        Self::AskUser,
        Self::ApprovalGiven,
        Self::ApprovalDenied,
        Self::Unsafe,
        Self::ProviderErrors,
        Self::LongOutput,
        Self::BigRepository,
        Self::Leave,
    ];

    /// The name, as files and reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Explain => "explain",
            Self::Search => "search",
            Self::Edit => "edit",
            Self::Refactor => "refactor",
            Self::FixTest => "fix-test",
            Self::AddTest => "add-test",
            Self::CreateProject => "create-project",
            Self::Server => "server",
            Self::Git => "git",
            Self::AskUser => "ask-user",
            Self::ApprovalGiven => "approval-given",
            Self::ApprovalDenied => "approval-denied",
            Self::Unsafe => "unsafe",
            Self::ProviderErrors => "provider-errors",
            Self::LongOutput => "long-output",
            Self::BigRepository => "big-repository",
            Self::Leave => "leave",
        }
    }

    /// True if only a provider that fails on command can show it.
    pub fn is_of_the_script(self) -> bool {
        self == Self::ProviderErrors
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A file of tasks of one kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskFile {
    /// Their kind.
    pub kind: TaskKind,
    /// The tasks.
    #[serde(rename = "task")]
    pub tasks: Vec<WrittenTask>,
}

/// A task as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenTask {
    /// Its name; also the name of the scripted model that plays it.
    pub id: String,
    /// The language of its files.
    pub language: String,
    /// The words of the person.
    pub message: String,
    /// True if the stream of the run is watched; otherwise it is a job.
    #[serde(default = "yes")]
    pub interactive: bool,
    /// True if the project's checks run.
    #[serde(default)]
    pub verify: bool,
    /// The time that it may take, in seconds.
    #[serde(default = "patience")]
    pub seconds: u64,
    /// Programs without which it cannot be done.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The files of the workspace.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Files beside the workspace, which no one may touch.
    #[serde(default)]
    pub outside: BTreeMap<String, String>,
    /// Files that are made by a rule, because there are many of them.
    #[serde(default)]
    pub generate: Option<Generated>,
    /// Commands that complete the workspace.
    #[serde(default)]
    pub setup: Vec<String>,
    /// The person's answers to questions, in order.
    #[serde(default)]
    pub answers: Vec<String>,
    /// The person's decisions about consent, in order; after that, no.
    #[serde(default)]
    pub decisions: Vec<WrittenDecision>,
    /// True if the client leaves at the first piece of an answer.
    #[serde(default)]
    pub leaves: bool,
    /// The answer of the scripted provider when a plan is asked for.
    #[serde(default)]
    pub plan: Option<String>,
    /// The turns of the scripted provider.
    pub turns: Vec<Turn>,
    /// The state that is expected afterwards.
    pub check: Expected,
}

/// A task with its kind.
#[derive(Clone, Debug)]
pub struct E2eTask {
    /// The kind, which its file says.
    pub kind: TaskKind,
    /// All else.
    pub written: WrittenTask,
}

impl E2eTask {
    /// The time that it may take.
    pub fn limit(&self) -> Duration {
        Duration::from_secs(self.written.seconds)
    }
}

/// A person's word about something that needs consent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrittenDecision {
    /// Yes, this once.
    AllowOnce,
    /// Yes, and never ask about the same again.
    AllowAlwaysExact,
    /// Yes, and never ask about its like again.
    AllowAlwaysType,
    /// No.
    Deny,
    /// No, but this command.
    Alternative(String),
}

fn yes() -> bool {
    true
}

fn patience() -> u64 {
    60
}
