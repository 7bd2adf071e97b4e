//! The outcome of a call: its effects, or the reason why it did nothing.

use serde_json::{Map, Value, json};

use crate::exec::error::ExecError;
use crate::workspace::error::PathError;

/// An effect of a call on the world; paths are relative to the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A file was read.
    Read(String),
    /// A file was written that was not there before.
    Created(String),
    /// A file was changed.
    Modified(String),
    /// A file was removed.
    Deleted(String),
    /// A file has another path.
    Renamed {
        /// The path that it had.
        from: String,
        /// The path that it has.
        to: String,
    },
    /// A command ran.
    Ran {
        /// The command.
        command: String,
        /// Its exit code; 128 and the signal's number when a signal ended it, -1 after a time-out,
        /// -2 when the run was cancelled; none while it still runs.
        exit_code: Option<i32>,
        /// True if it succeeded.
        success: bool,
    },
}

/// The answer of a tool.
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

/// The change that a file tool is about to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedWrite {
    /// The file, relative to the workspace.
    pub path: String,
    /// Its content now; none when it is not there.
    pub before: Option<Vec<u8>>,
    /// Its content afterwards.
    pub after: Vec<u8>,
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

impl From<ExecError> for ToolError {
    fn from(error: ExecError) -> Self {
        match error {
            ExecError::Refused(reason) => Self::Tell(reason),
            ExecError::Failed(reason) => Self::Stop(reason),
        }
    }
}
