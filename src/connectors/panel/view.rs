//! Connections as older clients' panels read them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::connectors::model::{Connection, Provider, Shown, Verification};

/// The name of every connection: each person has one to a provider.
pub const NAME: &str = "default";

/// State of a connection, for a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorState)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A token is stored.
    Connected,
    /// No token is stored.
    Disconnected,
    /// A token is stored that the provider has refused since it was accepted.
    Error,
}

/// Says how a connection is, and why it may not work.
///
/// A token without an account was never accepted: its provider could not be asked. One with an account
/// and no time of verification was accepted once and refused later.
fn state(connection: &Connection) -> (State, Option<String>) {
    let provider = connection.provider;
    match &connection.stored {
        None => (State::Disconnected, None),
        Some(Shown {
            verified_at: Some(_),
            ..
        }) => (State::Connected, None),
        Some(Shown {
            account: Some(_), ..
        }) => (
            State::Error,
            Some(format!("{provider} refused the token; store a new one")),
        ),
        Some(_) => (
            State::Connected,
            Some(format!("{provider} has not confirmed the token yet")),
        ),
    }
}

/// The status of a connector.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorStatus)]
pub struct StatusView {
    /// The connector.
    pub id: Provider,
    /// Its name for people.
    pub name: &'static str,
    /// The part of the panel that shows it: `code`, `work_tracking` or `chat`.
    pub category: &'static str,
    /// State of the caller's connection.
    pub status: State,
    /// Why the connection may not work, for a person.
    pub error: Option<String>,
}

impl From<&Connection> for StatusView {
    fn from(connection: &Connection) -> Self {
        let id = connection.provider;
        let (name, category) = match id {
            Provider::GitHub => ("GitHub", "code"),
            Provider::Jira => ("Jira", "work_tracking"),
            Provider::Slack => ("Slack", "chat"),
        };
        let (status, error) = state(connection);
        Self {
            id,
            name,
            category,
            status,
            error,
        }
    }
}

/// The status of every connector that the operator enables.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorStatuses)]
pub struct StatusesView {
    /// The connectors. One that is not listed cannot be connected here.
    pub items: Vec<StatusView>,
    /// Always false: a server that cannot tell answers with a problem.
    pub offline: bool,
}

/// Settings of a connection.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorSettings)]
pub struct SettingsView {
    /// Where the token is sent.
    pub base_url: Option<String>,
    /// The account that the provider says the token belongs to.
    pub account: Option<String>,
}

/// A connection of the caller's.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorItem)]
pub struct ItemView {
    /// The connection, as `DELETE /api/connectors/{provider}` takes it.
    pub id: Provider,
    /// The provider.
    pub provider: Provider,
    /// Always `default`: each person has one connection to a provider.
    pub name: &'static str,
    /// Its settings, without the token.
    pub config: SettingsView,
    /// Always null: a connection holds in every workspace.
    pub workspace_root: Option<String>,
    /// State of the connection.
    pub status: State,
    /// Why it may not work, for a person.
    pub error: Option<String>,
    /// When the token was stored.
    pub updated_at: DateTime<Utc>,
}

impl ItemView {
    /// Of a connection, if a token is stored.
    pub fn of(connection: Connection) -> Option<Self> {
        let (status, error) = state(&connection);
        let stored = connection.stored?;
        Some(Self {
            id: connection.provider,
            provider: connection.provider,
            name: NAME,
            config: SettingsView {
                base_url: stored.base_url,
                account: stored.account,
            },
            workspace_root: None,
            status,
            error,
            updated_at: stored.updated_at,
        })
    }
}

/// The caller's connections.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorItems)]
pub struct ItemsView {
    /// The connections.
    pub items: Vec<ItemView>,
}

/// A token that was stored.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorSaved)]
pub struct SavedView {
    /// Always true: a token that is not stored is a problem.
    pub ok: bool,
    /// The connector.
    pub connector_id: Provider,
    /// The connection; the same.
    pub id: Provider,
    /// State of the connection.
    pub status: State,
    /// Why it may not work, for a person.
    pub error: Option<String>,
    /// The provider's verdict on the token.
    pub verification: Option<Verification>,
    /// The account that the provider says the token belongs to.
    pub account: Option<String>,
}

impl From<Connection> for SavedView {
    fn from(connection: Connection) -> Self {
        let (status, error) = state(&connection);
        Self {
            ok: true,
            connector_id: connection.provider,
            id: connection.provider,
            status,
            error,
            verification: connection.verification,
            account: connection.stored.and_then(|stored| stored.account),
        }
    }
}
