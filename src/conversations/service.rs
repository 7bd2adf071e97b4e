//! Operations on conversations, each confined to the caller's own.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::auth::principal::Principal;
use crate::conversations::error::Error;
use crate::conversations::model::{
    Changes, Conversation, MAX_CONTENT_BYTES, MAX_JSON_BYTES, MAX_PATH_BYTES, Message,
    NewConversation, NewMessage, Role, Status, title,
};
use crate::conversations::store;
use crate::conversations::view::{ConversationView, MessageView};
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::idempotency::model::{Claim, Created, IdempotencyKey, OK};
use crate::platform::idempotency::store as keys;
use crate::platform::ids::{ConversationId, MessageId};
use crate::platform::json::{strip_nul, strip_nul_json};
use crate::platform::page::PageQuery;

/// Conversations of all users; every operation is confined to the principal's own.
#[derive(Clone, Debug)]
pub struct ConversationService {
    db: Pool,
    clock: Clock,
}

impl ConversationService {
    /// The service over this database.
    pub fn new(db: Pool, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Begins a conversation, unless a request with this key has begun it already.
    pub async fn create(
        &self,
        principal: &Principal,
        new: NewConversation,
        key: Option<&IdempotencyKey>,
    ) -> Result<Created<ConversationView>, Error> {
        let conversation = begun(ConversationId::new(&self.clock), new, self.clock.now())?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let mut tx = self.db.begin().await?;
        if let Claim::Stored(answer) = keys::claim(&mut tx, org_id, user_id, key).await? {
            return Ok(Created::Before(answer));
        }
        // A new UUID is never taken.
        store::insert(&mut tx, org_id, user_id, &conversation).await?;
        let at = conversation.created_at;
        let shown = ConversationView::from(conversation);
        keys::keep(&mut tx, org_id, user_id, key, OK, &shown, at).await?;
        tx.commit().await?;
        Ok(Created::Now(shown))
    }

    /// Finds out whether the principal has a conversation with this id, or may begin one.
    pub async fn may_begin(&self, principal: &Principal, id: ConversationId) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        if store::is_free(&mut conn, &principal.org_id, id).await? {
            return Ok(());
        }
        let found = store::find(&mut conn, &principal.org_id, &principal.user_id, id).await?;
        found
            .map(drop)
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// The principal's conversations, the last used first.
    pub async fn list(
        &self,
        principal: &Principal,
        status: Option<Status>,
        page: PageQuery,
    ) -> Result<Vec<Conversation>, Error> {
        let mut conn = self.db.acquire().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let (limit, offset) = (page.sql_limit(), page.sql_offset());
        Ok(store::list(&mut conn, org_id, user_id, status, limit, offset).await?)
    }

    /// One conversation of the principal.
    pub async fn find(
        &self,
        principal: &Principal,
        id: ConversationId,
    ) -> Result<Conversation, Error> {
        let mut conn = self.db.acquire().await?;
        store::find(&mut conn, &principal.org_id, &principal.user_id, id)
            .await?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// Changes a conversation.
    pub async fn change(
        &self,
        principal: &Principal,
        id: ConversationId,
        mut changes: Changes,
    ) -> Result<Conversation, Error> {
        changes.title = changes.title.as_deref().map(title);
        let now = self.clock.now();
        let mut conn = self.db.acquire().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        store::update(&mut conn, org_id, user_id, id, &changes, now)
            .await?
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// Hides a conversation from its user.
    pub async fn delete(&self, principal: &Principal, id: ConversationId) -> Result<(), Error> {
        let changes = Changes {
            status: Some(Status::Deleted),
            ..Changes::default()
        };
        self.change(principal, id, changes).await.map(drop)
    }

    /// The last `limit` messages of a conversation, oldest first.
    pub async fn messages(
        &self,
        principal: &Principal,
        id: ConversationId,
        limit: i64,
    ) -> Result<Vec<Message>, Error> {
        let mut conn = self.db.acquire().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let messages = store::last_messages(&mut conn, org_id, user_id, id, limit).await?;
        if messages.is_empty() {
            // An empty conversation and a foreign one look alike so far.
            store::find(&mut conn, org_id, user_id, id)
                .await?
                .ok_or_else(|| Error::NotFound(id.to_string()))?;
        }
        Ok(messages)
    }

    /// Begins a conversation unless there is one, and appends the messages that follow from its last `limit`
    /// ones, to which no other request adds meanwhile. An id of another user's, or of a deleted
    /// conversation, is not found.
    pub async fn append_after(
        &self,
        principal: &Principal,
        id: ConversationId,
        begun_as: NewConversation,
        limit: i64,
        follow: impl FnOnce(&[Message]) -> Vec<NewMessage>,
    ) -> Result<(), Error> {
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let now = self.clock.now();
        let conversation = begun(id, begun_as, now)?;
        let mut tx = self.db.begin().await?;
        // Most are there already.
        if !store::touch(&mut tx, org_id, user_id, id, now).await? {
            store::insert(&mut tx, org_id, user_id, &conversation).await?;
            if !store::touch(&mut tx, org_id, user_id, id, now).await? {
                return Err(Error::NotFound(id.to_string()));
            }
        }
        let last = store::last_messages(&mut tx, org_id, user_id, id, limit).await?;
        let new: Result<Vec<_>, Error> = follow(&last).into_iter().map(checked).collect();
        let last_said = last.last().map(|message| message.created_at);
        let messages = self.placed(new?, last_said, now);
        store::append(&mut tx, org_id, id, &messages).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Appends one message of a client, unless a request with this key has appended it already. A
    /// client's version of an answer takes the place of the server's.
    pub async fn append_once(
        &self,
        principal: &Principal,
        id: ConversationId,
        new: NewMessage,
        key: Option<&IdempotencyKey>,
    ) -> Result<Created<MessageView>, Error> {
        let new = checked(new)?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let mut tx = self.db.begin().await?;
        if let Claim::Stored(answer) = keys::claim(&mut tx, org_id, user_id, key).await? {
            return Ok(Created::Before(answer));
        }
        let message = match self.append_or_replace(&mut tx, principal, id, new).await {
            Ok(message) => message,
            Err(error) => {
                // At once, so that the key is free when the client hears of the failure.
                tx.rollback().await?;
                return Err(error);
            }
        };
        let shown = MessageView::from(message);
        let now = self.clock.now();
        keys::keep(&mut tx, org_id, user_id, key, OK, &shown, now).await?;
        tx.commit().await?;
        Ok(Created::Now(shown))
    }

    async fn append_or_replace(
        &self,
        tx: &mut PgConnection,
        principal: &Principal,
        id: ConversationId,
        new: NewMessage,
    ) -> Result<Message, Error> {
        if new.role == Role::Assistant {
            let (org_id, user_id) = (&principal.org_id, &principal.user_id);
            if !store::touch(tx, org_id, user_id, id, self.clock.now()).await? {
                return Err(Error::NotFound(id.to_string()));
            }
            let last = store::last_messages(tx, org_id, user_id, id, 1).await?;
            if let Some(ours) = last.first()
                && ours.is_of_server()
                && ours.is_version_of(&new.content)
            {
                return Ok(store::replace(tx, org_id, id, ours.id, &new).await?);
            }
        }
        let mut messages = self.append_in(tx, principal, id, vec![new]).await?;
        messages
            .pop()
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// Appends messages within a transaction, which locks the conversation until its end.
    async fn append_in(
        &self,
        tx: &mut PgConnection,
        principal: &Principal,
        id: ConversationId,
        new: Vec<NewMessage>,
    ) -> Result<Vec<Message>, Error> {
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let now = self.clock.now();
        if !store::touch(tx, org_id, user_id, id, now).await? {
            return Err(Error::NotFound(id.to_string()));
        }
        let last_said = store::last_said_at(tx, org_id, id).await?;
        let messages = self.placed(new, last_said, now);
        store::append(tx, org_id, id, &messages).await?;
        Ok(messages)
    }

    /// Messages that follow the last one. They are read in order of time: each gets a microsecond of its own,
    /// later than every message before, whatever the clocks of other servers said.
    fn placed(
        &self,
        new: Vec<NewMessage>,
        last_said: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Vec<Message> {
        let step = TimeDelta::microseconds(1);
        let mut at = last_said.map_or(now, |last| now.max(last + step));
        let mut messages = Vec::with_capacity(new.len());
        for message in new {
            messages.push(Message {
                id: MessageId::new(&self.clock),
                role: message.role,
                content: message.content,
                metadata: message.metadata,
                tokens_used: message.tokens_used,
                created_at: at,
            });
            at += step;
        }
        messages
    }
}

/// Begins a conversation under an id that its client made up, unless the user has it already. An id of another
/// user's, or of a deleted conversation, is not found.
pub async fn ensure(
    conn: &mut PgConnection,
    principal: &Principal,
    id: ConversationId,
    new: NewConversation,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let conversation = begun(id, new, now)?;
    let (org_id, user_id) = (&principal.org_id, &principal.user_id);
    if store::insert(conn, org_id, user_id, &conversation).await? {
        return Ok(());
    }
    let found = store::find(conn, org_id, user_id, id).await?;
    found
        .map(drop)
        .ok_or_else(|| Error::NotFound(id.to_string()))
}

/// A conversation that begins now, within its bounds.
fn begun(
    id: ConversationId,
    new: NewConversation,
    now: DateTime<Utc>,
) -> Result<Conversation, Error> {
    let workspace_path = new.workspace_path.map(|path| strip_nul(&path).into_owned());
    if workspace_path
        .as_ref()
        .is_some_and(|p| p.len() > MAX_PATH_BYTES)
    {
        return Err(Error::TooLarge {
            field: "workspace_path",
            limit: MAX_PATH_BYTES,
        });
    }
    Ok(Conversation {
        id,
        title: title(new.title.as_deref().unwrap_or_default()),
        status: Status::Active,
        is_pinned: false,
        is_starred: false,
        workspace_path,
        initial_context: match new.initial_context {
            None | Some(Value::Null) => None,
            Some(context) => Some(bounded("initial_context", context)?),
        },
        created_at: now,
        updated_at: now,
    })
}

/// A message that can be stored, or why not.
fn checked(message: NewMessage) -> Result<NewMessage, Error> {
    if message.content.len() > MAX_CONTENT_BYTES {
        return Err(Error::TooLarge {
            field: "content",
            limit: MAX_CONTENT_BYTES,
        });
    }
    if !message.metadata.is_object() {
        return Err(Error::NotAnObject("metadata"));
    }
    Ok(NewMessage {
        content: strip_nul(&message.content).into_owned(),
        metadata: bounded("metadata", message.metadata)?,
        ..message
    })
}

/// JSON that Postgres takes, within its bounds.
fn bounded(field: &'static str, mut value: Value) -> Result<Value, Error> {
    strip_nul_json(&mut value);
    if value.to_string().len() > MAX_JSON_BYTES {
        return Err(Error::TooLarge {
            field,
            limit: MAX_JSON_BYTES,
        });
    }
    Ok(value)
}
