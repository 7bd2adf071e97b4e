//! Settings of the proxy that cannot be meant, and a proxy that cannot listen.

/// Reasons for which the proxy cannot be set up as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// Hosts that no pattern can mean.
    #[error("`{pattern}` cannot be allowed as a host: {reason}")]
    Pattern {
        /// The pattern as it was written.
        pattern: String,
        /// The mistake in it.
        reason: &'static str,
    },
    /// The address of the operator's own proxy. It may hold a password, so it is not repeated.
    #[error("the address of the outbound proxy is not valid: {reason}")]
    Upstream {
        /// The mistake in it.
        reason: &'static str,
    },
    /// The listener of a run cannot be served.
    #[error("the proxy of a run cannot listen: {0}")]
    Listener(#[from] std::io::Error),
}
