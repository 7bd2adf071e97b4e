//! The output of a running command, line by line.

use serde::{Deserialize, Serialize};

/// A piece of a running command's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLine {
    /// The call that runs the command.
    pub tool_call_id: String,
    /// The stream.
    pub stream: OutputStream,
    /// One line, or several of a burst joined by line feeds.
    pub line: String,
    /// The command, shortened.
    pub command: String,
}

/// Where a line of output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
