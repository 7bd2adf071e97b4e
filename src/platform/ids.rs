//! Typed identifiers: time-ordered UUIDs for our rows, text for what the token says.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares a newtype over a UUIDv7, so that ids of different things cannot be mixed up and new
/// rows land at the end of their index.
#[macro_export]
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, sqlx::Type,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// A new id, ordered by the clock's time.
            pub fn new(clock: &$crate::platform::clock::Clock) -> Self {
                Self($crate::platform::ids::uuid_v7(clock))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                uuid::Uuid::parse_str(text).map(Self)
            }
        }
    };
}

/// A UUIDv7 (RFC 9562 §5.7) with the clock's time and random remaining bits.
pub fn uuid_v7(clock: &crate::platform::clock::Clock) -> uuid::Uuid {
    let millis = u64::try_from(clock.millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid()
}

id!(
    /// A run; clients know it as `task_id` or `job_id`.
    RunId
);
id!(
    /// A process that works on runs.
    WorkerId
);
id!(
    /// A conversation that runs and chats belong to.
    ConversationId
);
id!(
    /// A message of a conversation.
    MessageId
);
id!(
    /// A tool call, as one row.
    ToolCallId
);
id!(
    /// A question to the user.
    PromptId
);
id!(
    /// A question whether the agent may do something.
    ConsentId
);

/// The longest organisation or user id that is accepted, in bytes; the tables' columns are text.
pub const MAX_TEXT_ID_BYTES: usize = 128;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
        )]
        #[serde(try_from = "String", into = "String")]
        #[sqlx(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidTextId;
            fn try_from(text: String) -> Result<Self, InvalidTextId> {
                let fits = !text.is_empty() && text.len() <= MAX_TEXT_ID_BYTES;
                if fits && !text.chars().any(char::is_control) {
                    Ok(Self(text))
                } else {
                    Err(InvalidTextId)
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidTextId;
            fn from_str(text: &str) -> Result<Self, InvalidTextId> {
                Self::try_from(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// A text that is no organisation or user id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to 128 bytes of text without control characters")]
pub struct InvalidTextId;

text_id!(
    /// An organisation, as the verified token names it. Every query is confined to one.
    OrgId
);
text_id!(
    /// A person within an organisation, as the verified token names them.
    UserId
);
text_id!(
    /// A team within an organisation, as the verified token names it.
    TeamId
);

macro_rules! local_id {
    ($($name:ident),*) => {$(
        impl $name {
            /// The one of commands that serve the person at this machine.
            pub fn local() -> Self {
                Self("local".to_owned())
            }
        }
    )*};
}

local_id!(OrgId, UserId);
