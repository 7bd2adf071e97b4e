//! The ways in which looking at a repository fails.

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
        "the data of this folder's repository is not in a folder this server works in; open the \
         repository's own folder"
    )]
    Elsewhere,
    /// The directory for git could not be made.
    #[error("no temporary folder could be made: {0}")]
    NoFolder(String),
}
