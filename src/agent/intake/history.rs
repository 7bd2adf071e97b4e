//! The stored conversation of a run or a chat: what a model is told of it, and what is added.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::auth::principal::Principal;
use crate::conversations::error::Error;
use crate::conversations::model::{
    HISTORY_MESSAGES, Message as StoredMessage, NewConversation, NewMessage, Role,
};
use crate::conversations::service::{ConversationService, ensure};
use crate::llm::model::Message;
use crate::runs::model::Run;
use crate::runs::task::Task;

/// The messages before the task: those that its client sent, or else those of its conversation. An id that no
/// conversation has will begin one ([`begin`]); a conversation of another user is not found, whatever the
/// client sent.
pub async fn recall(
    conversations: &ConversationService,
    principal: &Principal,
    task: &Task,
) -> Result<Vec<Message>, Error> {
    let sent = task.history.clone();
    let Some(id) = task.conversation_id else {
        return Ok(sent);
    };
    let stored = conversations.messages(principal, id, HISTORY_MESSAGES);
    let mut stored = match stored.await {
        Err(Error::NotFound(_)) => {
            conversations.may_begin(principal, id).await?;
            Vec::new()
        }
        stored => stored?,
    };
    // A client that keeps the conversation itself may have stored the question already.
    if stored.last().is_some_and(|last| asks(last, &task.message)) {
        stored.pop();
    }
    if !sent.is_empty() {
        return Ok(sent);
    }
    let said = stored
        .into_iter()
        .filter(|message| !message.content.trim().is_empty());
    Ok(said
        .map(|message| told(message.role, message.content))
        .collect())
}

/// Begins a run's conversation if no conversation has its id, in the transaction that writes the run: a
/// request that is refused leaves none behind.
pub async fn begin(conn: &mut PgConnection, run: &Run) -> Result<(), Error> {
    let Some(id) = run.task.conversation_id else {
        return Ok(());
    };
    let new = begun_by(&run.task);
    ensure(conn, &run.principal(), id, new, run.created_at).await
}

fn begun_by(task: &Task) -> NewConversation {
    NewConversation {
        title: Some(task.message.clone()),
        workspace_path: task.workspace_path.clone(),
        initial_context: None,
    }
}

fn asks(message: &StoredMessage, question: &str) -> bool {
    message.role == Role::User && message.content.trim() == question.trim()
}

fn told(role: Role, content: String) -> Message {
    match role {
        Role::User => Message::user(content),
        Role::System => Message::System { text: content },
        Role::Assistant => Message::Assistant {
            text: content,
            tool_calls: Vec::new(),
            replay: None,
        },
    }
}

/// Keeps a question and its answer. Clients that keep conversations themselves may have stored either
/// since it was asked; it is not stored again.
pub async fn remember(
    conversations: &ConversationService,
    principal: &Principal,
    task: &Task,
    asked_at: DateTime<Utc>,
    answer: &str,
) {
    let Some(id) = task.conversation_id else {
        return;
    };
    let question = &task.message;
    let follow = |last: &[StoredMessage]| {
        if let [.., asked, answered] = last
            && asks(asked, question)
            && answered.role == Role::Assistant
            && answered.created_at >= asked_at
            && answered.is_version_of(answer)
        {
            // The client was faster, or the run goes on in another process after its last word was kept.
            return Vec::new();
        }
        let is_there = last.last().is_some_and(|message| asks(message, question));
        let question = (!is_there).then(|| NewMessage::new(Role::User, question));
        let answer = (!answer.trim().is_empty()).then(|| NewMessage::answer(answer));
        question.into_iter().chain(answer).collect()
    };
    let kept = conversations.append_after(principal, id, begun_by(task), 2, follow);
    if let Err(error) = kept.await {
        // The run's or chat's own records are complete; only the next one knows less.
        tracing::warn!(conversation.id = %id, %error, "the conversation was not kept");
    }
}
