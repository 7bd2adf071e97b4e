//! Why a command was not started.

/// A command that was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// The command itself is at fault; another may fare better.
    #[error("{0}")]
    Refused(String),
    /// This machine or this program is at fault; no other command would fare better.
    #[error("{0}")]
    Failed(String),
}
