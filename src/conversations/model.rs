//! A conversation and its messages.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::platform::ids::{ConversationId, MessageId};
use crate::platform::text::first_chars;

/// The longest title in characters; a longer one is cut.
pub const MAX_TITLE_CHARS: usize = 200;
/// The title of a conversation that was given none.
pub const DEFAULT_TITLE: &str = "New conversation";
/// The longest message in bytes.
pub const MAX_CONTENT_BYTES: usize = 512 * 1024;
/// The largest metadata or initial context, in bytes of JSON.
pub const MAX_JSON_BYTES: usize = 64 * 1024;
/// The longest path of a workspace in bytes, as the operating system limits it.
pub const MAX_PATH_BYTES: usize = 4096;
/// The most messages that one answer holds.
pub const MAX_MESSAGES: i64 = 500;
/// The metadata of an answer that the server wrote, name and value.
pub const SOURCE: (&str, &str) = ("source", "navi");
/// The most past messages that a run is given.
pub const HISTORY_MESSAGES: i64 = 100;

/// A conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// At most [`MAX_TITLE_CHARS`] characters.
    pub title: String,
    /// Its status: in use, put aside or deleted.
    pub status: Status,
    /// True if the user keeps it on top.
    pub is_pinned: bool,
    /// True if the user starred it.
    pub is_starred: bool,
    /// The folder it is about.
    pub workspace_path: Option<String>,
    /// The client's context when it began.
    pub initial_context: Option<Value>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last changed or added to.
    pub updated_at: DateTime<Utc>,
}

/// The status of a conversation.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[schema(as = ConversationStatus)]
pub enum Status {
    /// In use.
    Active,
    /// Put aside.
    Archived,
    /// Gone for its user.
    Deleted,
}

/// Who said something.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[schema(as = MessageRole)]
pub enum Role {
    /// The user.
    User,
    /// The agent.
    Assistant,
    /// Neither: what the client resumes with.
    System,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Who said it.
    pub role: Role,
    /// Its text.
    pub content: String,
    /// Metadata of the client or the run; an object.
    pub metadata: Value,
    /// The number of tokens, when it was counted.
    pub tokens_used: Option<i32>,
    /// When it was said.
    pub created_at: DateTime<Utc>,
}

impl Message {
    /// Returns true for an answer that the server wrote and no client has replaced.
    pub fn is_of_server(&self) -> bool {
        self.role == Role::Assistant && self.metadata[SOURCE.0] == SOURCE.1
    }

    /// Returns true if another text is the same answer: one holds the other, apart from blanks. A client
    /// keeps the text of every turn where the server keeps the last one's, or the beginning of an answer
    /// that its user stopped.
    pub fn is_version_of(&self, other: &str) -> bool {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (own, other) = (words(&self.content), words(other));
        own.contains(&other) || other.contains(&own)
    }
}

/// A message that is about to be appended.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Who says it.
    pub role: Role,
    /// Its text.
    pub content: String,
    /// Its metadata; an object.
    pub metadata: Value,
    /// The number of tokens, when it was counted.
    pub tokens_used: Option<i32>,
}

impl NewMessage {
    /// A message without notes.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            metadata: Value::Object(serde_json::Map::new()),
            tokens_used: None,
        }
    }

    /// An answer that the server writes, marked as its own. A client that keeps the conversation
    /// itself replaces it by the answer as it showed it.
    pub fn answer(content: impl Into<String>) -> Self {
        let mut metadata = serde_json::Map::new();
        metadata.insert(SOURCE.0.to_owned(), Value::from(SOURCE.1));
        Self {
            metadata: Value::Object(metadata),
            ..Self::new(Role::Assistant, content)
        }
    }
}

/// The fields of a new conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewConversation {
    /// The title; [`DEFAULT_TITLE`] when absent or blank.
    pub title: Option<String>,
    /// The folder it is about.
    pub workspace_path: Option<String>,
    /// The client's context.
    pub initial_context: Option<Value>,
}

/// The changed fields of a conversation; one that is absent stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The title.
    pub title: Option<String>,
    /// The status.
    pub status: Option<Status>,
    /// True if the user keeps it on top.
    pub is_pinned: Option<bool>,
    /// True if the user starred it.
    pub is_starred: Option<bool>,
}

/// A title within its bounds: one line, trimmed, cut at [`MAX_TITLE_CHARS`] characters.
pub fn title(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let cut = first_chars(line.trim(), MAX_TITLE_CHARS);
    if cut.is_empty() {
        DEFAULT_TITLE.to_owned()
    } else {
        cut.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_bounded_line() {
        assert_eq!(title("  Fix\nthe\0build "), "Fix the build");
        assert_eq!(title(" \n "), DEFAULT_TITLE);
        assert_eq!(title(&"ä".repeat(300)).chars().count(), MAX_TITLE_CHARS);
    }
}
