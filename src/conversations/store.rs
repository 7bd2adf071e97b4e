//! The SQL of conversations. Every statement names the organisation and, through the conversation,
//! the user.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::conversations::model::{Changes, Conversation, Message, NewMessage, Role, Status};
use crate::platform::ids::{ConversationId, MessageId, OrgId, UserId};

/// Adds a conversation unless its id is taken, in whatever organisation. Returns true if it was added.
pub async fn insert(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    conversation: &Conversation,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "insert into conversations
           (org_id, user_id, conversation_id, title, status, is_pinned, is_starred,
            workspace_path, initial_context, created_at, updated_at)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
         where not exists
           (select 1 from conversations where conversation_id = $3 and org_id <> $1)
         on conflict (org_id, conversation_id) do nothing",
        org_id as &OrgId,
        user_id as &UserId,
        conversation.id as ConversationId,
        conversation.title,
        conversation.status as Status,
        conversation.is_pinned,
        conversation.is_starred,
        conversation.workspace_path,
        conversation.initial_context,
        conversation.created_at,
        conversation.updated_at,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// Returns true if no conversation has the id, in whatever organisation.
pub async fn is_free(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: ConversationId,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select not exists
             (select 1 from conversations where org_id = $1 and conversation_id = $2)
           and not exists
             (select 1 from conversations where org_id <> $1 and conversation_id = $2) as "free!""#,
        org_id as &OrgId,
        id as ConversationId,
    )
    .fetch_one(conn)
    .await
}

/// A query of conversations: what stands before and after their columns differs.
macro_rules! conversations {
    ($before:literal, $after:literal, $($arguments:tt)*) => {
        sqlx::query_as!(
            Conversation,
            $before
                + r#" conversation_id as "id: ConversationId", title, status as "status: Status",
                      is_pinned, is_starred, workspace_path, initial_context, created_at,
                      updated_at "#
                + $after,
            $($arguments)*
        )
    };
}

/// The user's own conversation, unless it is deleted.
pub async fn find(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: ConversationId,
) -> sqlx::Result<Option<Conversation>> {
    conversations!(
        "select",
        "from conversations
         where org_id = $1 and user_id = $2 and conversation_id = $3 and status <> 'deleted'",
        org_id as &OrgId,
        user_id as &UserId,
        id as ConversationId,
    )
    .fetch_optional(conn)
    .await
}

/// The user's conversations, the last used first; deleted ones only when asked for by status.
pub async fn list(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    status: Option<Status>,
    limit: i64,
    offset: i64,
) -> sqlx::Result<Vec<Conversation>> {
    conversations!(
        "select",
        "from conversations
         where org_id = $1 and user_id = $2 and status <> 'deleted'
           and ($3::text is null or status = $3)
         order by updated_at desc, conversation_id desc
         limit $4 offset $5",
        org_id as &OrgId,
        user_id as &UserId,
        status as Option<Status>,
        limit,
        offset,
    )
    .fetch_all(conn)
    .await
}

/// Changes the user's own conversation and answers with what it became.
pub async fn update(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: ConversationId,
    changes: &Changes,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Conversation>> {
    conversations!(
        "update conversations
         set title = coalesce($4, title),
             status = coalesce($5, status),
             is_pinned = coalesce($6, is_pinned),
             is_starred = coalesce($7, is_starred),
             updated_at = $8
         where org_id = $1 and user_id = $2 and conversation_id = $3 and status <> 'deleted'
         returning",
        "",
        org_id as &OrgId,
        user_id as &UserId,
        id as ConversationId,
        changes.title,
        changes.status as Option<Status>,
        changes.is_pinned,
        changes.is_starred,
        now,
    )
    .fetch_optional(conn)
    .await
}

/// Moves the user's own conversation to the top and locks its row until the transaction ends, so
/// that no other request appends meanwhile. Answers whether there is one.
pub async fn touch(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: ConversationId,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    // Clocks of two servers may differ; the time of the last use never runs backwards.
    sqlx::query!(
        "update conversations set updated_at = greatest(updated_at, $4)
         where org_id = $1 and user_id = $2 and conversation_id = $3 and status <> 'deleted'",
        org_id as &OrgId,
        user_id as &UserId,
        id as ConversationId,
        now,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// Appends messages to a conversation whose row is locked by [`touch`].
pub async fn append(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: ConversationId,
    messages: &[Message],
) -> sqlx::Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = messages.iter().map(|it| it.id.0).collect();
    let roles: Vec<_> = messages.iter().map(|it| it.role).collect();
    let contents: Vec<_> = messages.iter().map(|it| it.content.clone()).collect();
    let metadata: Vec<_> = messages.iter().map(|it| it.metadata.clone()).collect();
    let tokens: Vec<_> = messages.iter().map(|it| it.tokens_used).collect();
    let times: Vec<_> = messages.iter().map(|it| it.created_at).collect();
    let insert = sqlx::query!(
        "insert into conversation_messages
           (org_id, conversation_id, message_id, role, content, metadata, tokens_used, created_at)
         select $1, $2, *
         from unnest($3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::integer[], $8::timestamptz[])",
        org_id as &OrgId,
        id as ConversationId,
        &ids,
        &roles as &[Role],
        &contents,
        &metadata,
        &tokens as &[Option<i32>],
        &times,
    );
    conn.queue(insert).await
}

/// Replaces what a message of a conversation says, whose row is locked by [`touch`]. Returns the message as
/// it is then.
pub async fn replace(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: ConversationId,
    message: MessageId,
    new: &NewMessage,
) -> sqlx::Result<Message> {
    sqlx::query_as!(
        Message,
        r#"update conversation_messages
           set content = $4, metadata = $5, tokens_used = coalesce($6, tokens_used)
           where org_id = $1 and conversation_id = $2 and message_id = $3
           returning message_id as "id: MessageId", role as "role: Role", content, metadata,
                     tokens_used, created_at"#,
        org_id as &OrgId,
        id as ConversationId,
        message as MessageId,
        new.content,
        new.metadata,
        new.tokens_used,
    )
    .fetch_one(conn)
    .await
}

/// The last `limit` messages of the user's own conversation, oldest first.
pub async fn last_messages(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    id: ConversationId,
    limit: i64,
) -> sqlx::Result<Vec<Message>> {
    let mut newest_first = sqlx::query_as!(
        Message,
        r#"select m.message_id as "id: MessageId", m.role as "role: Role", m.content, m.metadata,
                  m.tokens_used, m.created_at
           from conversation_messages m
           join conversations c using (org_id, conversation_id)
           where m.org_id = $1 and c.user_id = $2 and m.conversation_id = $3
             and c.status <> 'deleted'
           order by m.created_at desc, m.message_id desc
           limit $4"#,
        org_id as &OrgId,
        user_id as &UserId,
        id as ConversationId,
        limit,
    )
    .fetch_all(conn)
    .await?;
    newest_first.reverse();
    Ok(newest_first)
}

/// When the last message of a conversation was said, if there is one.
pub async fn last_said_at(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: ConversationId,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        "select max(created_at) from conversation_messages
         where org_id = $1 and conversation_id = $2",
        org_id as &OrgId,
        id as ConversationId,
    )
    .fetch_one(conn)
    .await
}
