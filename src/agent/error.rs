//! Why an operation on a run failed.

use crate::llm::route::RouteError;
use crate::{conversations, workspaces};

/// A failed operation on runs, chats or prompts.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is not valid; nothing was started.
    #[error("{0}")]
    Invalid(String),
    /// The text is longer than any model takes.
    #[error("the {field} is {length} bytes; at most {limit} are accepted")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Its length, in bytes.
        length: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The workspace cannot be worked in.
    #[error("{0}")]
    Workspace(String),
    /// The workspace cannot be opened.
    #[error(transparent)]
    Unopened(#[from] workspaces::error::Error),
    /// No model can take the request.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// As many runs as this server takes are under way.
    #[error("this server is at its limit of {limit} concurrent runs; try again shortly")]
    TooManyRuns {
        /// The limit.
        limit: usize,
    },
    /// As many runs of this organisation as may be are under way.
    #[error(
        "your organisation is at its limit of {limit} concurrent runs; try again when one ends, \
         or send a job, which is queued"
    )]
    OrgIsBusy {
        /// The limit.
        limit: u32,
    },
    /// This process has lost its right to work on runs, and is about to get it back.
    #[error("this server has lost its connection to the database; try again shortly")]
    NoLease,
    /// The server is about to end.
    #[error("the server is shutting down; send the request again")]
    ShuttingDown,
    /// The model could not be asked.
    #[error(transparent)]
    Model(#[from] crate::llm::error::LlmError),
    /// The conversation cannot be used.
    #[error(transparent)]
    Conversation(#[from] conversations::error::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// True if the same may succeed later, because a service of ours was away.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Database(_)
                | Self::Unopened(
                    workspaces::error::Error::Audit(_) | workspaces::error::Error::Database(_)
                )
        )
    }
}
