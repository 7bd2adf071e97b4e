//! Why retention or an erasure did not come to its end.

use crate::audit;

/// Why nothing was done, or not all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused.
    #[error("a query failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The audit log refused.
    #[error(transparent)]
    Audit(#[from] audit::error::Error),
    /// Their runs are still worked on, and did not end in time.
    #[error(
        "{0} runs are still worked on, though they were asked to end. A command of theirs may be slow to \
         stop: wait and start again, or give them longer with --wait"
    )]
    StillRunning(i64),
}

impl Error {
    /// True if the database went away: the statements that follow would fail in the same way, and another
    /// attempt may succeed.
    pub fn is_lost(&self) -> bool {
        let lost = |error: &sqlx::Error| {
            matches!(
                error,
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed
            )
        };
        match self {
            Self::Database(error) | Self::Audit(audit::error::Error::Database(error)) => {
                lost(error)
            }
            Self::Audit(_) | Self::StillRunning(_) => false,
        }
    }
}
