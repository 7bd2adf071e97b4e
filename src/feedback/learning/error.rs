//! Why a pass did not come to its end.

/// Why nothing was analyzed, or not all. What fails in one organisation alone is no error of the pass.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused.
    #[error("a query failed: {0}")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// Whether the database went away: what comes next would fail in the same way, and another attempt
    /// may succeed.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Database(error) => is_lost(error),
        }
    }
}

/// Whether this says that the database went away.
pub fn is_lost(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed
    )
}
