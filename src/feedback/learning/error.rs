//! Errors of a pass.

/// A failed pass. The failure of a single organisation is part of the report instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A query failed.
    #[error("a query failed: {0}")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// True if the connection was lost: further queries would fail too, and a later pass may succeed.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Database(error) => is_lost(error),
        }
    }
}

/// True if the connection to the database was lost.
pub fn is_lost(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed
    )
}
