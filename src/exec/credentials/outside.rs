//! The outside of a run's network.

use std::sync::Arc;

use crate::exec::credentials::settings::RunCredentials;
use crate::exec::egress::connection::ConnectionSink;
use crate::exec::egress::hosts::RunHosts;

/// The outside of a run's network.
#[derive(Clone)]
pub struct Outside {
    /// The hosts that it may reach.
    pub hosts: RunHosts,
    /// Hears of every connection.
    pub sink: Arc<dyn ConnectionSink>,
    /// The credentials that it may borrow.
    pub credentials: RunCredentials,
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outside")
            .field("hosts", &self.hosts)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
