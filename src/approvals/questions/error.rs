//! Why an operation on a question failed.

use crate::approvals::wait::WaitError;
use crate::platform::ids::PromptId;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user has no such question, or its time is over: the two cannot be told apart from outside.
    #[error("prompt `{0}` not found or expired")]
    NotFound(String),
    /// It was answered otherwise, cancelled, or ran out.
    #[error("prompt `{0}` was already answered")]
    AlreadyAnswered(PromptId),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl WaitError for Error {
    fn is_database(&self) -> bool {
        match self {
            Self::Database(_) => true,
            Self::NotFound(_) | Self::AlreadyAnswered(_) => false,
        }
    }
}
