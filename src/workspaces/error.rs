//! The ways in which opening or releasing a workspace fails.

use crate::audit;
use crate::workspace::error::WorkspaceError;

/// A workspace that was not opened, or not released.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is there, or nothing for this organisation. The two cannot be told apart from outside.
    #[error(
        "workspace `{0}` not found: the folder does not exist, or your organisation may not use \
         it"
    )]
    NotFound(String),
    /// It shows secrets of the server.
    #[error("the workspace `{0}` holds or is part of this server's own data folder")]
    Closed(String),
    /// It is there, and cannot be worked in.
    #[error(transparent)]
    Unusable(WorkspaceError),
    /// An unbound folder cannot be released.
    #[error(
        "the folder `{0}` belongs to no organisation; `navi workspaces list` shows the bound \
         folders"
    )]
    Unbound(String),
    /// Only the whole folder that was bound can be released.
    #[error(
        "the folder `{path}` belongs to an organisation as a part of `{bound}`; release \
         `{bound}`"
    )]
    Within {
        /// The folder that was named.
        path: String,
        /// The folder that is bound.
        bound: String,
    },
    /// A run works there.
    #[error(
        "runs of `{org}` are under way in `{path}` ({runs}); wait for their end or cancel them, or \
         release it all the same with --force"
    )]
    AtWork {
        /// The organisation.
        org: String,
        /// The folder.
        path: String,
        /// Ids of runs.
        runs: String,
    },
    /// The audit log did not take the entry, so nothing was done.
    #[error(transparent)]
    Audit(#[from] audit::error::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
