//! Conversations in the shapes that old clients read.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::conversations::model::{Conversation, Message, Role, Status};
use crate::platform::ids::{ConversationId, MessageId};

/// A conversation in a listing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ConversationView {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: ConversationId,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: Status,
    /// True if the user keeps it on top.
    pub is_pinned: bool,
    /// True if the user starred it.
    pub is_starred: bool,
    /// The folder it is about.
    pub workspace_path: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last changed or added to.
    pub updated_at: DateTime<Utc>,
}

impl From<Conversation> for ConversationView {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id,
            title: conversation.title,
            status: conversation.status,
            is_pinned: conversation.is_pinned,
            is_starred: conversation.is_starred,
            workspace_path: conversation.workspace_path,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        }
    }
}

/// A conversation with what was said.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ConversationDetail {
    /// The conversation as a listing shows it.
    #[serde(flatten)]
    pub conversation: ConversationView,
    /// The client's context when it began.
    pub initial_context: Option<Value>,
    /// The last messages, oldest first; absent when they were not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Vec<MessageView>>,
}

impl ConversationDetail {
    /// The conversation with these messages, or without any.
    pub fn new(mut conversation: Conversation, messages: Option<Vec<MessageView>>) -> Self {
        Self {
            initial_context: conversation.initial_context.take(),
            conversation: conversation.into(),
            messages,
        }
    }
}

/// A message.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MessageView {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: MessageId,
    /// Who said it.
    pub role: Role,
    /// Its text.
    pub content: String,
    /// Its metadata.
    pub metadata: Value,
    /// The number of tokens, when it was counted.
    pub tokens_used: Option<i32>,
    /// When it was said.
    pub created_at: DateTime<Utc>,
}

impl From<Message> for MessageView {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            role: message.role,
            content: message.content,
            metadata: message.metadata,
            tokens_used: message.tokens_used,
            created_at: message.created_at,
        }
    }
}
