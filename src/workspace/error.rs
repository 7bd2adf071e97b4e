//! Why a folder or a path in it is refused.

use crate::workspace::resolve::EntryKind;

/// Why a path within a workspace is refused. The messages are for the model, which chose the path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Empty, with a NUL character or too long.
    #[error("the path {0}")]
    Malformed(&'static str),
    /// The path names something outside.
    #[error("`{0}` is outside the workspace; use a path relative to the workspace")]
    Outside(String),
    /// A symbolic link on the way leads outside.
    #[error("`{0}` leads out of the workspace through a symbolic link")]
    LeadsOut(String),
    /// Nothing is there.
    #[error("`{0}` does not exist")]
    Missing(String),
    /// A file was wanted, something else is there.
    #[error("`{path}` is {found}, not a file")]
    NotAFile {
        /// The path.
        path: String,
        /// The kind of the entry that is there.
        found: EntryKind,
    },
    /// A directory was wanted, something else is there.
    #[error("`{0}` is not a directory")]
    NotADirectory(String),
    /// Anything else the system says.
    #[error("`{path}` cannot be opened: {reason}")]
    Refused {
        /// The path.
        path: String,
        /// The system's error.
        reason: String,
    },
}

/// Why a directory cannot be a workspace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceError {
    /// Relative, empty, too long, or with a NUL character.
    #[error("the workspace must be the absolute path of a directory, at most 4096 bytes long")]
    Invalid,
    /// Nothing is there.
    #[error("the workspace `{0}` does not exist")]
    Missing(String),
    /// Something else is there.
    #[error("the workspace `{0}` is not a directory")]
    NotADirectory(String),
    /// The whole file system.
    #[error("the root of the file system cannot be a workspace; name a project's folder")]
    TooBroad,
    /// A person's whole home, or the folder of all homes.
    #[error(
        "the workspace `{0}` is a home folder, with more in it than a project; name a project's folder"
    )]
    Home(String),
    /// A folder of the operating system.
    #[error("the workspace `{0}` belongs to the operating system; name a project's folder")]
    OfTheSystem(String),
    /// The kernel's own view of processes and devices.
    #[error("the workspace `{0}` is a view of the operating system, not a folder of files")]
    System(String),
    /// It is there but cannot be read.
    #[error("the workspace `{path}` cannot be read: {reason}")]
    Unreadable {
        /// The directory.
        path: String,
        /// The system's error.
        reason: String,
    },
}
