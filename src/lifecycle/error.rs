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
    /// Somebody works on their runs, and did not end them in time.
    #[error(
        "{0} runs are still worked on, though they were asked to end. A command of theirs may be slow to \
         stop: wait and start again, or give them longer with --wait"
    )]
    StillRunning(i64),
}

impl Error {
    /// Whether the database went away: what comes next would fail in the same way, and another attempt
    /// may succeed.
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
