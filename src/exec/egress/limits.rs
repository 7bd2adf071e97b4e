//! Bounds of what a run can have the proxy do.

use std::time::Duration;

/// Bounds of a run's connections.
#[derive(Clone, Copy, Debug)]
pub struct EgressLimits {
    /// Connections at once; more wait until one has ended.
    pub connections: usize,
    /// The largest head of a request, in bytes.
    pub head_bytes: usize,
    /// The longest until a head has come.
    pub head: Duration,
    /// The longest until a name is resolved, and then until a connection is made.
    pub connect: Duration,
    /// The longest that neither side of a connection says anything.
    pub idle: Duration,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            connections: 128,
            head_bytes: 32 * 1024,
            head: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            idle: Duration::from_mins(10),
        }
    }
}
