//! The interface of a tool: its description, its access, and its call.

use std::fmt;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::llm::model::ToolSpec;
use crate::policy::request::Request;
use crate::tools::arguments::Arguments;
use crate::tools::context::ToolContext;
use crate::tools::outcome::{Outcome, PlannedWrite, ToolError};

/// The access that a run must have before a tool is offered to its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It changes nothing, so several calls may run at once.
    Read,
    /// It may change files, processes or what a server holds.
    Write,
    /// It waits for a person. The loop answers it: only the loop can give up its slot meanwhile.
    Person,
}

/// The means to recognise the effect of a call after a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// There is no effect, or the call will be refused: it can be done again at any time.
    Repeatable,
    /// A file gets other content.
    File(PlannedWrite),
    /// A command, which records how far it came.
    Command,
    /// A server, which ends with the process that started it.
    Server,
    /// Nothing shows it.
    None,
}

impl Probe {
    /// The probe of a write; one that will be refused has no effect.
    pub fn of_write(planned: Option<PlannedWrite>) -> Self {
        planned.map_or(Self::Repeatable, Self::File)
    }
}

/// A tool that a model may call.
///
/// A new one is a file with its implementation, and a line in [`crate::tools::registry`].
pub trait Tool: Send + Sync + fmt::Debug {
    /// The name models call it by.
    fn name(&self) -> &'static str;

    /// Older names that clients and models still use.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// The description for models.
    fn description(&self) -> &'static str;

    /// The JSON schema of its arguments, see [`object`].
    fn parameters(&self) -> Value;

    /// The access that a run must have.
    fn access(&self) -> Access;

    /// The request that the policy judges.
    fn request<'a>(&self, arguments: Arguments<'a>) -> Request<'a>;

    /// The means to recognise the effect of a call after a crash; asked before the call begins. Blocks.
    fn probe(&self, arguments: Arguments<'_>, context: &ToolContext) -> Probe;

    /// The text that a call puts into a file, for traits of code. Most tools put none.
    fn written(&self, _arguments: Arguments<'_>) -> Option<WrittenText> {
        None
    }

    /// Runs it. `call_id` is the model's name for the call, which its live output carries.
    fn call<'a>(
        &'a self,
        call_id: &'a str,
        arguments: Map<String, Value>,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>>;

    /// Name, description and schema together.
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: self.name(),
            description: self.description(),
            parameters: self.parameters(),
        }
    }
}

/// The schema of an object with these properties.
pub fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The schema of a string.
pub fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

/// The schema of a whole number.
pub fn number(description: &str) -> Value {
    json!({ "type": "integer", "description": description })
}

/// The schema of what a command needs beyond the wall, see [`Arguments::needs`].
pub fn needs() -> Value {
    let list = |of: &str, description: &str| {
        let items = json!({ "type": of });
        json!({ "type": "array", "items": items, "description": description })
    };
    json!({
        "type": "object",
        "description": "What it needs beyond the sandbox. The user is asked about each; leave it out \
                        unless the sandbox stopped the command.",
        "properties": {
            "hosts": list("string", "Hosts to connect to, as `example.com:443`."),
            "folders": list("string", "Absolute paths of folders to read and write."),
            "ports": list("integer", "Ports of its own servers that the user's machine may open."),
            "credentials": list("string", "Of run_command, for git alone: `ssh-agent HOST[:PORT]` signs \
                                in with the user's SSH agent, `git-token HOST[:PORT]` with the user's \
                                token over HTTPS."),
            "for": {
                "type": "string",
                "enum": ["command", "run"],
                "description": "How long hosts and folders stay open; `command` when left out.",
            },
        },
    })
}

/// Runs a tool that blocks, beside the runtime's threads and to its end: a cancelled run never leaves
/// it open whether a file was written.
pub async fn blocking<F>(work: F) -> Result<Outcome, ToolError>
where
    F: FnOnce() -> Result<Outcome, ToolError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(failure) => Err(ToolError::Stop(format!("a file tool failed: {failure}"))),
    }
}

/// Text that a call puts into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenText {
    /// The file, as the call names it.
    pub path: String,
    /// The text.
    pub text: String,
}

impl WrittenText {
    /// Reads it from a call's arguments; none when one of them is missing.
    pub fn of(arguments: Arguments<'_>, path: &str, text: &str) -> Option<Self> {
        Some(Self {
            path: arguments.raw_text(path)?.to_owned(),
            text: arguments.raw_text(text)?.to_owned(),
        })
    }
}
