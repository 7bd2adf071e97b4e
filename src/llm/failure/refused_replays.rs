//! Recorded reasoning that a provider refused: dropped, and remembered, so that it is not sent again.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Mutex;

use sha2::{Digest, Sha256};

use crate::llm::error::LlmError;
use crate::llm::model::{ChatRequest, Message, Replay};
use crate::platform::sync::lock;

/// The most records that are remembered.
const MAX_REFUSED: usize = 4_096;

/// The digest of a record.
type ReplayDigest = [u8; 32];

/// The records that were refused, oldest first.
#[derive(Debug, Default)]
pub(in crate::llm) struct RefusedReplays(Mutex<VecDeque<ReplayDigest>>);

impl RefusedReplays {
    /// The request without what was refused before.
    pub(in crate::llm) fn without<'a>(&self, request: &'a ChatRequest) -> Cow<'a, ChatRequest> {
        let refused = lock(&self.0);
        if refused.is_empty() {
            return Cow::Borrowed(request);
        }
        let is_refused = |replay: &Replay| refused.contains(&fingerprint(replay));
        if !replays(request).any(is_refused) {
            return Cow::Borrowed(request);
        }
        let mut request = request.clone();
        for message in &mut request.messages {
            if let Message::Assistant { replay, .. } = message {
                replay.take_if(|replay| is_refused(replay));
            }
        }
        Cow::Owned(request)
    }

    /// Remembers what of a request a refusal is about: the records whose items it names or, where it names
    /// none, all of them. Answers how many; none when it is about something else.
    pub(in crate::llm) fn learn(&self, request: &ChatRequest, error: &LlmError) -> usize {
        let Some(reason) = reason(error) else {
            return 0;
        };
        let is_named = |replay: &&Replay| names_item_of(reason, replay);
        let mut about: Vec<&Replay> = replays(request).filter(is_named).collect();
        if about.is_empty() {
            about = replays(request).collect();
        }
        let mut refused = lock(&self.0);
        for replay in &about {
            if refused.len() >= MAX_REFUSED {
                refused.pop_front();
            }
            refused.push_back(fingerprint(replay));
        }
        about.len()
    }
}

/// The words of a refusal that is about recorded reasoning.
fn reason(error: &LlmError) -> Option<&str> {
    let (LlmError::Rejected {
        status: 400,
        reason,
        ..
    }
    | LlmError::FieldRefused {
        status: 400,
        reason,
        ..
    }) = error
    else {
        return None;
    };
    let words = [
        "thinking",
        "signature",
        "reasoning",
        "encrypted content",
        "encrypted_content",
    ];
    let is_meant = words.iter().any(|word| reason.contains(word));
    is_meant.then_some(reason)
}

fn names_item_of(reason: &str, replay: &Replay) -> bool {
    let items = replay.content.as_array().into_iter().flatten();
    let mut ids = items.filter_map(|item| item["id"].as_str());
    ids.any(|id| !id.is_empty() && reason.contains(id))
}

/// The records that the model of a request is told.
fn replays(request: &ChatRequest) -> impl Iterator<Item = &Replay> {
    let recorded = request.messages.iter().filter_map(|message| match message {
        Message::Assistant { replay, .. } => replay.as_ref(),
        Message::System { .. } | Message::User { .. } | Message::ToolResult { .. } => None,
    });
    recorded.filter(|replay| replay.model == request.model)
}

fn fingerprint(replay: &Replay) -> ReplayDigest {
    let mut digest = Sha256::new();
    digest.update(&replay.model);
    digest.update(replay.content.to_string());
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(ids: &[&str]) -> ChatRequest {
        let message = |id: &&str| Message::Assistant {
            text: "hm".to_owned(),
            tool_calls: Vec::new(),
            replay: Some(Replay {
                provider: "openai".to_owned(),
                model: "m".to_owned(),
                content: json!([{"type": "reasoning", "id": id}]),
            }),
        };
        ChatRequest {
            model: "m".to_owned(),
            messages: ids.iter().map(message).collect(),
            ..ChatRequest::default()
        }
    }

    fn rejected(reason: &str) -> LlmError {
        LlmError::Rejected {
            provider: "openai",
            status: 400,
            reason: reason.to_owned(),
        }
    }

    fn left(refused: &RefusedReplays, asked: &ChatRequest) -> Vec<Value> {
        let sent = refused.without(asked);
        let ids = replays(&sent).map(|replay| replay.content[0]["id"].clone());
        ids.collect()
    }

    #[test]
    fn only_the_item_that_a_refusal_names_is_dropped_and_all_where_it_names_none() {
        let refused = RefusedReplays::default();
        let asked = request(&["rs_1", "rs_2", "rs_3"]);
        let named = rejected("The encrypted content for item rs_2 could not be verified.");
        assert_eq!(refused.learn(&asked, &named), 1);
        assert_eq!(left(&refused, &asked), ["rs_1", "rs_3"]);
        let unnamed = rejected("The encrypted content gAAA...DQ== could not be verified.");
        assert_eq!(refused.learn(&refused.without(&asked), &unnamed), 2);
        assert_eq!(left(&refused, &asked).len(), 0);
        assert_eq!(
            left(&refused, &request(&["rs_4"])),
            ["rs_4"],
            "what is new is sent"
        );
        assert_eq!(refused.learn(&request(&[]), &unnamed), 0);
        assert_eq!(refused.learn(&asked, &rejected("too many images")), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let refused = RefusedReplays::default();
        for number in 0..=MAX_REFUSED {
            let asked = request(&[&format!("rs_{number}x")]);
            refused.learn(&asked, &rejected("no such reasoning"));
        }
        assert_eq!(lock(&refused.0).len(), MAX_REFUSED);
        assert_eq!(left(&refused, &request(&["rs_0x"])), ["rs_0x"]);
    }
}
