//! Conversations over HTTP, in the shapes that old clients read.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::recording::layer::{Changed, Made};
use crate::auth::principal::Principal;
use crate::conversations::error::Error;
use crate::conversations::model::{
    Changes, HISTORY_MESSAGES, MAX_MESSAGES, NewConversation, NewMessage, Role, Status,
};
use crate::conversations::service::ConversationService;
use crate::conversations::view::{ConversationDetail, ConversationView, MessageView};
use crate::platform::extract::{Addressed, Id, Json, Query};
use crate::platform::idempotency::extract::Creation;
use crate::platform::idempotency::model::Created;
use crate::platform::ids::ConversationId;
use crate::platform::page::{DEFAULT_LIMIT, PageQuery};
use crate::platform::problem::Problem;

/// The routes of this slice.
pub fn routes(service: ConversationService) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_conversations, create_conversation))
        .routes(routes!(
            get_conversation,
            change_conversation,
            delete_conversation
        ))
        .routes(routes!(list_messages, append_message))
        .with_state(service)
}

impl Addressed for ConversationId {
    fn missing(name: String) -> Problem {
        Error::NotFound(name).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound(_) => {
                Self::new(StatusCode::NOT_FOUND, "conversation-not-found", detail)
            }
            Error::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", detail)
            }
            Error::NotAnObject(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
            }
            Error::Idempotency(error) => error.into(),
            Error::Database(error) => Self::internal(&error),
        }
    }
}

/// Which conversations, and how many.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// At most this many; brought into 1 to 100, 50 when absent.
    #[serde(default = "default_limit")]
    limit: u32,
    /// Skip this many.
    #[serde(default)]
    offset: u32,
    /// Only those with this status.
    status: Option<Status>,
}

fn default_limit() -> u32 {
    DEFAULT_LIMIT
}

/// Lists the caller's conversations, the last used first.
#[utoipa::path(
    get,
    path = "/api/navi-memory/conversations",
    tag = "conversations",
    security(("bearer" = ["viewer"])),
    params(ListQuery),
    responses((status = 200, description = "the conversations", body = Vec<ConversationView>)),
)]
async fn list_conversations(
    State(service): State<ConversationService>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Json<Vec<ConversationView>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        offset: query.offset,
    };
    let found = service.list(&principal, query.status, page).await?;
    Ok(Json(
        found.into_iter().map(ConversationView::from).collect(),
    ))
}

/// A conversation to begin.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct CreateConversation {
    /// The title, cut at 200 characters.
    title: Option<String>,
    /// The folder it is about.
    workspace_path: Option<String>,
    /// Context of the client, in any form; at most 64 KiB.
    initial_context: Option<Value>,
}

/// Begins a conversation.
#[utoipa::path(
    post,
    path = "/api/navi-memory/conversations",
    tag = "conversations",
    security(("bearer" = ["viewer"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The request's idempotency key")),
    request_body = CreateConversation,
    responses(
        (status = 200, description = "the conversation", body = ConversationView),
        (status = 409, description = "A request with this key is in progress"),
    ),
)]
async fn create_conversation(
    State(service): State<ConversationService>,
    principal: Principal,
    Creation { body, key }: Creation<CreateConversation>,
) -> Result<(Option<Extension<Made>>, Created<ConversationView>), Problem> {
    let new = NewConversation {
        title: body.title,
        workspace_path: body.workspace_path,
        initial_context: body.initial_context,
    };
    let created = service.create(&principal, new, key.as_ref()).await?;
    let made = created.id("/id").map(|id| Extension(Made(id)));
    Ok((made, created))
}

/// The parts of a conversation to return.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct DetailQuery {
    /// Return the messages; true when absent.
    #[serde(default = "yes")]
    include_messages: bool,
    /// At most this many messages, the last ones; brought into 1 to 500, 100 when absent.
    #[serde(default = "default_messages")]
    message_limit: u32,
}

fn yes() -> bool {
    true
}

fn default_messages() -> u32 {
    u32::try_from(HISTORY_MESSAGES).unwrap_or(u32::MAX)
}

fn message_limit(asked: u32) -> i64 {
    i64::from(asked).clamp(1, MAX_MESSAGES)
}

/// One conversation of the caller.
#[utoipa::path(
    get,
    path = "/api/navi-memory/conversations/{id}",
    tag = "conversations",
    security(("bearer" = ["viewer"])),
    params(("id" = uuid::Uuid, Path, description = "the conversation"), DetailQuery),
    responses(
        (status = 200, description = "the conversation", body = ConversationDetail),
        (status = 404, description = "Conversation not found"),
    ),
)]
async fn get_conversation(
    State(service): State<ConversationService>,
    principal: Principal,
    Id(id): Id<ConversationId>,
    Query(query): Query<DetailQuery>,
) -> Result<Json<ConversationDetail>, Problem> {
    let conversation = service.find(&principal, id).await?;
    let messages = if query.include_messages {
        let limit = message_limit(query.message_limit);
        let found = service.messages(&principal, id, limit).await?;
        Some(found.into_iter().map(MessageView::from).collect())
    } else {
        None
    };
    Ok(Json(ConversationDetail::new(conversation, messages)))
}

/// The changed fields; one that is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct ChangeConversation {
    /// The title, cut at 200 characters.
    title: Option<String>,
    /// The status.
    status: Option<Status>,
    /// True if the user keeps it on top.
    is_pinned: Option<bool>,
    /// True if the user starred it.
    is_starred: Option<bool>,
}

/// Changes a conversation of the caller.
#[utoipa::path(
    patch,
    path = "/api/navi-memory/conversations/{id}",
    tag = "conversations",
    security(("bearer" = ["viewer"])),
    params(("id" = uuid::Uuid, Path, description = "the conversation")),
    request_body = ChangeConversation,
    responses(
        (status = 200, description = "The conversation after the change", body = ConversationView),
        (status = 404, description = "Conversation not found"),
    ),
)]
async fn change_conversation(
    State(service): State<ConversationService>,
    principal: Principal,
    Id(id): Id<ConversationId>,
    Json(body): Json<ChangeConversation>,
) -> Result<(Extension<Changed>, Json<ConversationView>), Problem> {
    let changes = Changes {
        title: body.title,
        status: body.status,
        is_pinned: body.is_pinned,
        is_starred: body.is_starred,
    };
    let before = ConversationView::from(service.find(&principal, id).await?);
    let after = ConversationView::from(service.change(&principal, id, changes).await?);
    let difference = Changed::between(Some(&before), Some(&after));
    Ok((Extension(difference), Json(after)))
}

/// A confirmation, for a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Done {
    /// A sentence.
    message: &'static str,
}

/// Deletes a conversation of the caller.
#[utoipa::path(
    delete,
    path = "/api/navi-memory/conversations/{id}",
    tag = "conversations",
    security(("bearer" = ["viewer"])),
    params(("id" = uuid::Uuid, Path, description = "the conversation")),
    responses(
        (status = 200, description = "The conversation was deleted", body = Done),
        (status = 404, description = "Conversation not found"),
    ),
)]
async fn delete_conversation(
    State(service): State<ConversationService>,
    principal: Principal,
    Id(id): Id<ConversationId>,
) -> Result<(Extension<Changed>, Json<Done>), Problem> {
    let before = ConversationView::from(service.find(&principal, id).await?);
    service.delete(&principal, id).await?;
    let done = Done {
        message: "Conversation deleted",
    };
    Ok((Extension(Changed::between(Some(&before), None)), Json(done)))
}

/// The number of messages to return.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct MessagesQuery {
    /// At most this many, the last ones; brought into 1 to 500, 100 when absent.
    #[serde(default = "default_messages")]
    limit: u32,
}

/// The last messages of a conversation of the caller, oldest first.
#[utoipa::path(
    get,
    path = "/api/navi-memory/conversations/{id}/messages",
    tag = "conversations",
    security(("bearer" = ["viewer"])),
    params(("id" = uuid::Uuid, Path, description = "the conversation"), MessagesQuery),
    responses(
        (status = 200, description = "the messages", body = Vec<MessageView>),
        (status = 404, description = "Conversation not found"),
    ),
)]
async fn list_messages(
    State(service): State<ConversationService>,
    principal: Principal,
    Id(id): Id<ConversationId>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<Vec<MessageView>>, Problem> {
    let limit = message_limit(query.limit);
    let messages = service.messages(&principal, id, limit).await?;
    Ok(Json(messages.into_iter().map(MessageView::from).collect()))
}

/// A message to append.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct AppendMessage {
    /// Who says it.
    role: Role,
    /// Its text; at most 512 KiB.
    content: String,
    /// Its metadata; an object of at most 64 KiB.
    metadata: Option<Map<String, Value>>,
    /// The number of tokens, when it was counted.
    #[schema(minimum = 0)]
    tokens_used: Option<u32>,
}

/// Appends a message to a conversation of the caller.
#[utoipa::path(
    post,
    path = "/api/navi-memory/conversations/{id}/messages",
    tag = "conversations",
    security(("bearer" = ["viewer"])),
    params(
        ("id" = uuid::Uuid, Path, description = "the conversation"),
        ("Idempotency-Key" = Option<String>, Header, description = "The request's idempotency key"),
    ),
    request_body = AppendMessage,
    responses(
        (status = 200, description = "the message", body = MessageView),
        (status = 404, description = "Conversation not found"),
        (status = 409, description = "A request with this key is in progress"),
    ),
)]
async fn append_message(
    State(service): State<ConversationService>,
    principal: Principal,
    Id(id): Id<ConversationId>,
    Creation { body, key }: Creation<AppendMessage>,
) -> Result<Created<MessageView>, Problem> {
    let new = NewMessage {
        role: body.role,
        content: body.content,
        metadata: Value::Object(body.metadata.unwrap_or_default()),
        // The column is an integer; larger counts are cut to its maximum.
        tokens_used: body
            .tokens_used
            .map(|n| i32::try_from(n).unwrap_or(i32::MAX)),
    };
    let appended = service.append_once(&principal, id, new, key.as_ref());
    Ok(appended.await?)
}
