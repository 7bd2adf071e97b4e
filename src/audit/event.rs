//! The events of the audit log, by name.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::Postgres;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// An event of the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A request that changes something.
    HttpRequest,
    /// A tool call of the agent.
    ToolCall,
    /// A command asked for a connection out of its sandbox.
    NetworkConnection,
    /// A decision about an action of the agent, by a person or a preference.
    ConsentDecided,
    /// A sealed value was opened.
    SecretOpened,
    /// Sealed values were sealed with another key.
    VaultRewrapped,
    /// Payloads of the audit log were decrypted for a person.
    AuditDecrypted,
    /// A part of the audit log was handed out.
    AuditExported,
    /// A person was erased from the log.
    AuditErased,
    /// Months of the audit log were dropped.
    AuditRetained,
    /// The end of a log passed from one seal to another.
    AuditHandedOver,
    /// The server's own log named the checkpoints of the others.
    AuditWitnessed,
    /// A person or an organisation was erased from all tables.
    DataErased,
    /// A folder became an organisation's, by its first use.
    WorkspaceBound,
    /// A folder was taken from an organisation.
    WorkspaceReleased,
    /// A token was refused.
    LoginFailed,
    /// The server started with other settings than before.
    ConfigChanged,
    /// An event that a later version wrote. An older one reads, verifies and exports it as it is, so
    /// that a log stays whole when a rollout is taken back.
    Later(LaterEvent),
}

/// The events that this version writes.
const KNOWN: &[Event] = &[
    Event::HttpRequest,
    Event::ToolCall,
    Event::NetworkConnection,
    Event::ConsentDecided,
    Event::SecretOpened,
    Event::VaultRewrapped,
    Event::AuditDecrypted,
    Event::AuditExported,
    Event::AuditErased,
    Event::AuditRetained,
    Event::AuditHandedOver,
    Event::AuditWitnessed,
    Event::DataErased,
    Event::WorkspaceBound,
    Event::WorkspaceReleased,
    Event::LoginFailed,
    Event::ConfigChanged,
];

impl Event {
    /// The name, as records carry it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::HttpRequest => "http.request",
            Self::ToolCall => "tool.call",
            Self::NetworkConnection => "network.connection",
            Self::ConsentDecided => "consent.decided",
            Self::SecretOpened => "secret.opened",
            Self::VaultRewrapped => "vault.rewrapped",
            Self::AuditDecrypted => "audit.decrypted",
            Self::AuditExported => "audit.exported",
            Self::AuditErased => "audit.erased",
            Self::AuditRetained => "audit.retained",
            Self::AuditHandedOver => "audit.handed_over",
            Self::AuditWitnessed => "audit.witnessed",
            Self::DataErased => "data.erased",
            Self::WorkspaceBound => "workspace.bound",
            Self::WorkspaceReleased => "workspace.released",
            Self::LoginFailed => "login.failed",
            Self::ConfigChanged => "config.changed",
            Self::Later(name) => name.as_str(),
        }
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(Event::as_str)
}

impl FromStr for Event {
    type Err = UnknownEvent;

    fn from_str(name: &str) -> Result<Self, UnknownEvent> {
        match KNOWN.iter().find(|event| event.as_str() == name) {
            Some(event) => Ok(*event),
            None => LaterEvent::new(name).map(Self::Later).ok_or(UnknownEvent),
        }
    }
}

/// The longest name of an event, in bytes.
const LONGEST: usize = 40;

/// The name of an event of a later version: lower-case words of ASCII with dots and underscores
/// between them, at most 40 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LaterEvent {
    bytes: [u8; LONGEST],
    length: usize,
}

impl LaterEvent {
    fn new(name: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || b"._".contains(&byte);
        if name.is_empty() || name.len() > LONGEST || !name.bytes().all(is_plain) {
            return None;
        }
        let mut bytes = [0; LONGEST];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Some(Self {
            bytes,
            length: name.len(),
        })
    }

    fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl fmt::Debug for LaterEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// The refusal of a name that no version gives to an event.
#[derive(Debug, thiserror::Error)]
#[error("unknown event")]
pub struct UnknownEvent;

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// Reads a filter, in which a name that this version does not know is a typing error.
///
/// # Errors
///
/// Fails with the names that there are.
pub fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Event>, D::Error> {
    match Option::<Event>::deserialize(deserializer)? {
        Some(Event::Later(name)) => Err(serde::de::Error::custom(format_args!(
            "unknown event `{}`, expected one of `{}`",
            name.as_str(),
            names().collect::<Vec<_>>().join("`, `"),
        ))),
        known => Ok(known),
    }
}

impl sqlx::Type<Postgres> for Event {
    fn type_info() -> PgTypeInfo {
        <str as sqlx::Type<Postgres>>::type_info()
    }

    fn compatible(info: &PgTypeInfo) -> bool {
        <str as sqlx::Type<Postgres>>::compatible(info)
    }
}

impl<'row> sqlx::Decode<'row, Postgres> for Event {
    fn decode(value: PgValueRef<'row>) -> Result<Self, BoxDynError> {
        Ok(<&str as sqlx::Decode<Postgres>>::decode(value)?.parse()?)
    }
}

impl sqlx::Encode<'_, Postgres> for Event {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <&str as sqlx::Encode<Postgres>>::encode_by_ref(&self.as_str(), buffer)
    }
}

impl PartialSchema for Event {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("An event of the audit log."))
            .enum_values(Some(names()))
            .into()
    }
}

impl ToSchema for Event {
    fn name() -> Cow<'static, str> {
        "AuditEvent".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_later_version_keeps_its_name() {
        for name in ["webhook.sent", "tool.call"] {
            let event: Event = name.parse().unwrap();
            assert_eq!(event.as_str(), name);
            assert_eq!(serde_json::to_value(event).unwrap(), name);
            assert_eq!(serde_json::from_value::<Event>(name.into()).unwrap(), event);
        }
        assert_eq!("tool.call".parse::<Event>().unwrap(), Event::ToolCall);
    }

    #[test]
    fn every_name_is_that_of_one_event_of_this_version() {
        for name in names() {
            let event: Event = name.parse().unwrap();
            assert_eq!(event.as_str(), name);
            assert!(!matches!(event, Event::Later(_)), "{name}");
        }
    }

    #[test]
    fn what_no_version_writes_is_no_event() {
        for name in ["", "Tool.Call", "tool call", "täter", &"a".repeat(41)] {
            assert!(name.parse::<Event>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_filter_knows_the_events_of_this_version_alone() {
        assert_eq!(
            known(serde_json::json!("tool.call")).unwrap(),
            Some(Event::ToolCall)
        );
        let refusal = known(serde_json::json!("tool.cal"))
            .unwrap_err()
            .to_string();
        assert!(refusal.starts_with("unknown event `tool.cal`, expected one of `http.request`"));
    }
}
