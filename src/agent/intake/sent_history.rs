//! The history that a client sends with a request.

use serde::Deserialize;

use crate::agent::error::Error;
use crate::agent::intake::bounds::{MAX_MESSAGE_BYTES, within};
use crate::llm::model::Message;

/// The most messages of history that are taken, newest first.
const MAX_HISTORY: usize = 100;

/// A message of the history. Old clients call the role `type`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct HistoryEntry {
    /// `user` (or `human`), `assistant` (`ai`, `bot`) or `system`; output of tools (`tool`, `function`) is left out.
    pub role: Option<String>,
    /// The older name of `role`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The text.
    pub content: Option<String>,
}

/// The newest entries, without those that are empty (providers refuse a message without content) and
/// without a last one that repeats `message` (old clients send the question there as well).
pub fn history(mut entries: Vec<HistoryEntry>, message: &str) -> Result<Vec<Message>, Error> {
    if entries.last().is_some_and(|last| last.repeats(message)) {
        entries.pop();
    }
    let skip = entries.len().saturating_sub(MAX_HISTORY);
    let newest = entries.into_iter().skip(skip);
    newest
        .filter_map(|entry| entry.into_message().transpose())
        .collect()
}

impl HistoryEntry {
    fn role(&self) -> &str {
        let named = self.role.as_deref().or(self.kind.as_deref());
        named.unwrap_or_default()
    }

    fn repeats(&self, message: &str) -> bool {
        let content = self.content.as_deref().unwrap_or_default();
        matches!(self.role(), "user" | "human") && content.trim() == message.trim()
    }

    fn into_message(self) -> Result<Option<Message>, Error> {
        let text = self.content.as_deref().unwrap_or_default();
        within("conversation_history", text, MAX_MESSAGE_BYTES)?;
        let is_empty = text.trim().is_empty();
        if is_empty && self.role().is_empty() {
            return Ok(None);
        }
        let text = text.to_owned();
        let message = match self.role() {
            "user" | "human" => Some(Message::user(text)),
            "assistant" | "ai" | "bot" => Some(Message::Assistant {
                text,
                tool_calls: Vec::new(),
                replay: None,
            }),
            "system" => Some(Message::System { text }),
            // Without the call that it answers, no provider takes it.
            "tool" | "function" => None,
            "" => {
                let reason = "an entry of `conversation_history` has no `role`".to_owned();
                return Err(Error::Invalid(reason));
            }
            other => {
                let reason = format!("`conversation_history` has the unknown role `{other}`");
                return Err(Error::Invalid(reason));
            }
        };
        Ok(message.filter(|_| !is_empty))
    }
}
