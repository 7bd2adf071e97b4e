//! Which tools there are, and how a call reaches its tool.

use serde_json::{Map, Value, json};

use crate::llm::model::ToolSpec;
use crate::tools::arguments::Arguments;
use crate::tools::commands::{check_endpoint, run_command, servers};
use crate::tools::context::ToolContext;
use crate::tools::files::{edit_file, list_directory, read_file, search_files, write_file};
use crate::tools::specs;
use crate::workspace::paths::PathError;

/// A tool. The order is the order in which models see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// Reads a file or some lines of it.
    ReadFile,
    /// Writes a whole file.
    WriteFile,
    /// Replaces a unique piece of a file.
    EditFile,
    /// Lists a directory.
    ListDirectory,
    /// Finds files by name or by content.
    SearchFiles,
    /// Runs a shell command to its end.
    RunCommand,
    /// Starts a server in the background.
    StartServer,
    /// Stops a server this run started.
    StopServer,
    /// Asks a local server something over HTTP.
    CheckEndpoint,
    /// Asks the user; answered by the loop, see [`crate::tools::ask_user::Question`].
    AskUser,
}

impl Tool {
    /// All tools.
    pub const ALL: [Self; 10] = [
        Self::ReadFile,
        Self::WriteFile,
        Self::EditFile,
        Self::ListDirectory,
        Self::SearchFiles,
        Self::RunCommand,
        Self::StartServer,
        Self::StopServer,
        Self::CheckEndpoint,
        Self::AskUser,
    ];

    /// The tool of this name, or of an older name that clients and models still use.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "run_interactive_command" | "execute_command" | "run_shell_command" => {
                Some(Self::RunCommand)
            }
            _ => Self::ALL.into_iter().find(|tool| tool.name() == name),
        }
    }

    /// The name models call it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadFile => "read_file",
            Self::WriteFile => "write_file",
            Self::EditFile => "edit_file",
            Self::ListDirectory => "list_directory",
            Self::SearchFiles => "search_files",
            Self::RunCommand => "run_command",
            Self::StartServer => "start_server",
            Self::StopServer => "stop_server",
            Self::CheckEndpoint => "check_endpoint",
            Self::AskUser => "ask_user",
        }
    }

    /// What models are told about it.
    pub fn spec(self) -> ToolSpec {
        specs::of(self)
    }

    /// The shell that reads what it is given; empty when none does.
    pub fn shell(self) -> &'static str {
        match self {
            Self::RunCommand | Self::StartServer => "bash",
            Self::ReadFile
            | Self::WriteFile
            | Self::EditFile
            | Self::ListDirectory
            | Self::SearchFiles
            | Self::StopServer
            | Self::CheckEndpoint
            | Self::AskUser => "",
        }
    }

    /// Whether it changes the file that its arguments name.
    pub fn writes_files(self) -> bool {
        match self {
            Self::WriteFile | Self::EditFile => true,
            Self::ReadFile
            | Self::ListDirectory
            | Self::SearchFiles
            | Self::RunCommand
            | Self::StartServer
            | Self::StopServer
            | Self::CheckEndpoint
            | Self::AskUser => false,
        }
    }

    /// Whether it changes nothing, so that several may run at once.
    pub fn is_read_only(self) -> bool {
        match self {
            Self::ReadFile | Self::ListDirectory | Self::SearchFiles => true,
            // A request to a server may change what the server holds.
            Self::WriteFile
            | Self::EditFile
            | Self::RunCommand
            | Self::StartServer
            | Self::StopServer
            | Self::CheckEndpoint
            | Self::AskUser => false,
        }
    }
}

/// What a call did to the world; paths are relative to the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A file was read.
    Read(String),
    /// A file was written that was not there before.
    Created(String),
    /// A file was changed.
    Modified(String),
    /// A command ran.
    Ran {
        /// The command.
        command: String,
        /// Its exit code; 128 and the signal's number when a signal ended it, -1 after a time-out,
        /// -2 when the run was cancelled; none while it still runs.
        exit_code: Option<i32>,
        /// Whether it did what it should.
        success: bool,
    },
}

/// What a tool answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// For the model and the client; always has `success`.
    pub result: Map<String, Value>,
    /// For the record of the run.
    pub effects: Vec<Effect>,
}

impl Outcome {
    /// An answer from a JSON object that has `success`.
    pub fn new(result: Value, effects: Vec<Effect>) -> Self {
        let result = if let Value::Object(object) = result {
            object
        } else {
            let fields = [("success", json!(true)), ("result", result)];
            fields
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect()
        };
        Self { result, effects }
    }
}

/// Why a call has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// The model's mistake, or something it can work around: tell it.
    #[error("{0}")]
    Tell(String),
    /// Our fault; no other call would fare better.
    #[error("{0}")]
    Stop(String),
    /// The run was cancelled before the tool was done.
    #[error("the run was cancelled")]
    Cancelled,
}

impl From<PathError> for ToolError {
    fn from(error: PathError) -> Self {
        Self::Tell(error.to_string())
    }
}

/// Runs a tool.
///
/// [`Tool::AskUser`] is refused here, because only the loop can wait for a person.
pub async fn execute(
    tool: Tool,
    call_id: &str,
    arguments: Map<String, Value>,
    context: &ToolContext,
) -> Result<Outcome, ToolError> {
    if context.cancel.is_cancelled() {
        return Err(ToolError::Cancelled);
    }
    let given = Arguments::of(&arguments);
    match tool {
        Tool::ReadFile => {
            let call = read_file::ReadFile::parse(given)?;
            let context = context.clone();
            blocking(move || read_file::execute(&call, &context)).await
        }
        Tool::WriteFile => {
            let call = write_file::WriteFile::parse(given)?;
            let context = context.clone();
            blocking(move || write_file::execute(&call, &context)).await
        }
        Tool::EditFile => {
            let call = edit_file::EditFile::parse(given)?;
            let context = context.clone();
            blocking(move || edit_file::execute(&call, &context)).await
        }
        Tool::ListDirectory => {
            let call = list_directory::ListDirectory::parse(given)?;
            let context = context.clone();
            blocking(move || list_directory::execute(&call, &context)).await
        }
        Tool::SearchFiles => {
            let call = search_files::SearchFiles::parse(given)?;
            let context = context.clone();
            blocking(move || search_files::execute(&call, &context)).await
        }
        Tool::RunCommand => {
            let call = run_command::RunCommand::parse(given, &context.limits)?;
            run_command::execute(call, call_id, context).await
        }
        Tool::StartServer => {
            let call = servers::StartServer::parse(given)?;
            servers::start(call, call_id, context).await
        }
        Tool::StopServer => {
            let call = servers::StopServer::parse(given)?;
            servers::stop(&call, context).await
        }
        Tool::CheckEndpoint => {
            let call = check_endpoint::CheckEndpoint::parse(given)?;
            check_endpoint::execute(&call, context).await
        }
        Tool::AskUser => Err(ToolError::Stop(
            "`ask_user` waits for a person and is not executed as a tool".to_owned(),
        )),
    }
}

/// File tools block; they run beside the runtime's threads and to their end, so that a cancelled
/// run never leaves it open whether a file was written.
async fn blocking<F>(work: F) -> Result<Outcome, ToolError>
where
    F: FnOnce() -> Result<Outcome, ToolError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(failure) => Err(ToolError::Stop(format!("a file tool failed: {failure}"))),
    }
}
