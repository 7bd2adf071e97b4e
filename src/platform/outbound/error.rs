//! Refused requests, and clients that cannot be made.

/// Reasons for which a request was not allowed out, or a client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address is private, loopback, link-local or reserved and no setting names it.
    #[error("the address of `{host}` is not public, and no setting allows it")]
    Forbidden {
        /// The host as the URL spells it.
        host: String,
    },
    /// Only `https` leaves for hosts that no setting names, and nothing but HTTP leaves at all.
    #[error("`{scheme}` is not allowed for `{host}`; use https")]
    Scheme {
        /// The URL's scheme.
        scheme: String,
        /// The host as the URL spells it.
        host: String,
    },
    /// TLS could not be set up, for instance because the machine has no root certificates.
    #[error("the HTTP client could not be created: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be created: {0}")]
    Client(#[from] reqwest::Error),
}
