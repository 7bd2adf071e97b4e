//! The ways in which a review fails.

use crate::{agent, git};

/// A failed review. Nothing is said about the changes then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No folder was named.
    #[error("no workspace was given; open the folder to review")]
    NoWorkspace,
    /// The folder, the model or its answer cannot be had.
    #[error(transparent)]
    Agent(#[from] agent::error::Error),
    /// The repository cannot be looked at.
    #[error("the changes cannot be read: {0}")]
    Git(#[from] git::error::Error),
    /// No answer of the model is a review.
    #[error("the model's answer could not be read as a review; try again, or choose another model")]
    Unreadable,
}
