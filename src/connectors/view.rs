//! Connections as answers show them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::connectors::model::{Connection, Provider, Verification};

/// A connection, without its token.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ConnectionView {
    /// The provider.
    pub provider: Provider,
    /// True when a token is stored.
    pub connected: bool,
    /// True when the provider has said that the token is good.
    pub verified: bool,
    /// The provider's answer just now; null when it was not asked.
    pub verification: Option<Verification>,
    /// Account that it belongs to, as the provider names it.
    pub account: Option<String>,
    /// Where the token is sent.
    pub base_url: Option<String>,
    /// When the provider last said that the token is good.
    pub verified_at: Option<DateTime<Utc>>,
    /// When the token was stored.
    pub updated_at: Option<DateTime<Utc>>,
}

impl From<Connection> for ConnectionView {
    fn from(connection: Connection) -> Self {
        let (connected, stored) = (connection.stored.is_some(), connection.stored);
        let verified_at = stored.as_ref().and_then(|stored| stored.verified_at);
        Self {
            provider: connection.provider,
            connected,
            verified: verified_at.is_some(),
            verification: connection.verification,
            verified_at,
            updated_at: stored.as_ref().map(|stored| stored.updated_at),
            account: stored.as_ref().and_then(|stored| stored.account.clone()),
            base_url: stored.and_then(|stored| stored.base_url),
        }
    }
}
