//! What was said before, and what is kept of what is said now.

use crate::agent::conversations::error::Error;
use crate::agent::conversations::model::{
    HISTORY_MESSAGES, Message as StoredMessage, NewMessage, Role,
};
use crate::agent::conversations::service::ConversationService;
use crate::agent::model::{ConversationId, Task};
use crate::auth::principal::Principal;
use crate::llm::model::Message;

/// Takes the history from the task's conversation when the client sent none. A conversation of
/// somebody else is refused, whatever the client sent.
pub async fn recall(
    conversations: &ConversationService,
    principal: &Principal,
    task: &mut Task,
) -> Result<(), Error> {
    let Some(id) = task.conversation_id else {
        return Ok(());
    };
    let stored = conversations
        .messages(principal, id, HISTORY_MESSAGES)
        .await?;
    if task.history.is_empty() {
        let said = stored
            .into_iter()
            .filter(|message| !message.content.trim().is_empty());
        task.history = said
            .map(|message| told(message.role, message.content))
            .collect();
    }
    Ok(())
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

/// Keeps a question and its answer. Clients that keep conversations themselves may have stored the
/// question already; it is not stored again.
pub async fn remember(
    conversations: &ConversationService,
    principal: &Principal,
    id: ConversationId,
    question: &str,
    answer: &str,
) {
    let kept = async {
        let last = conversations.messages(principal, id, 2).await?;
        let is = |message: &StoredMessage, role, content: &str| {
            message.role == role && message.content == content
        };
        if let [asked, answered] = last.as_slice()
            && is(asked, Role::User, question)
            && is(answered, Role::Assistant, answer)
        {
            // A run that goes on in another process after its last word was kept already.
            return Ok(Vec::new());
        }
        let is_there = last
            .last()
            .is_some_and(|message| is(message, Role::User, question));
        let question = (!is_there).then(|| NewMessage::new(Role::User, question));
        let answer = (!answer.trim().is_empty()).then(|| NewMessage::new(Role::Assistant, answer));
        let new: Vec<_> = question.into_iter().chain(answer).collect();
        conversations.append(principal, id, new).await
    };
    if let Err(error) = kept.await {
        // What the run or chat itself recorded is complete; only the next one knows less.
        tracing::warn!(conversation.id = %id, %error, "the conversation was not kept");
    }
}
