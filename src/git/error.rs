//! Failures of looking at a repository.

/// A failed look at a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The program cannot be started.
    #[error("git cannot be started on this server: {0}")]
    NotStarted(String),
    /// It took too long.
    #[error("git took longer than {0} s")]
    TimedOut(u64),
    /// It failed.
    #[error("git failed: {0}")]
    Failed(String),
    /// The repository's data lies where this server does not work.
    #[error(
        "this folder's repository keeps its data in a folder this server may not use; open the \
         repository's own folder"
    )]
    Elsewhere,
    /// The places of the repository's data cannot be listed, so they cannot be checked.
    #[error("the location of this folder's repository data cannot be checked: {0}")]
    Unclear(String),
    /// No directory for git could be made.
    #[error("a temporary folder could not be created: {0}")]
    NoFolder(String),
}
