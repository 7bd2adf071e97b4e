//! The settings of a pool and of its sessions.

use std::time::Duration;

use crate::platform::database::stock::PoolLimits;

/// The limits of the pool; the defaults suit a server.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// Shown in `pg_stat_activity`.
    pub application_name: String,
    /// The bounds of the pool.
    pub limits: PoolLimits,
    /// The longest that one statement may take.
    pub statement_timeout: Duration,
    /// The longest that a statement waits for a lock.
    pub lock_timeout: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            application_name: "navi".to_owned(),
            // The patience is below the statement time-out, so that a full pool is told apart from a
            // slow query.
            limits: PoolLimits::default(),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
        }
    }
}

impl PoolSettings {
    /// These settings with so many connections at most.
    #[must_use]
    pub fn at_most(mut self, connections: u32) -> Self {
        self.limits.most = connections;
        self
    }
}
