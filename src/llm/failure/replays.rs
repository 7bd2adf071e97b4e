//! Recorded reasoning that a provider refused: it is not sent again, so that a later turn does not fail for
//! what an earlier one failed for already.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

use crate::llm::model::{ChatRequest, Message, Replay};
use crate::platform::sync::lock;

/// The most turns that are remembered.
const MAX_TURNS: usize = 4_096;

/// Reasoning that was refused, as digests.
#[derive(Debug, Default)]
pub(in crate::llm) struct RefusedReplays(Mutex<HashSet<u64>>);

impl RefusedReplays {
    /// Remembers the reasoning of a request.
    pub(in crate::llm) fn remember(&self, request: &ChatRequest) {
        let mut refused = lock(&self.0);
        for replay in request.messages.iter().filter_map(replay_of) {
            if refused.len() < MAX_TURNS {
                refused.insert(digest(replay));
            }
        }
    }

    /// The request without what was refused; none when it holds nothing of that.
    pub(in crate::llm) fn without(&self, request: &ChatRequest) -> Option<ChatRequest> {
        let refused = lock(&self.0);
        let is_refused = |replay: &Replay| !refused.is_empty() && refused.contains(&digest(replay));
        let mut replays = request.messages.iter().filter_map(replay_of);
        if !replays.any(is_refused) {
            return None;
        }
        Some(strip(request, is_refused))
    }
}

/// True if a request holds recorded reasoning.
pub(in crate::llm) fn has_replay(request: &ChatRequest) -> bool {
    request
        .messages
        .iter()
        .any(|message| replay_of(message).is_some())
}

/// The request without recorded reasoning.
pub(in crate::llm) fn without_replays(request: &ChatRequest) -> ChatRequest {
    strip(request, |_| true)
}

fn strip(request: &ChatRequest, is_stripped: impl Fn(&Replay) -> bool) -> ChatRequest {
    let mut request = request.clone();
    for message in &mut request.messages {
        if let Message::Assistant { replay, .. } = message {
            replay.take_if(|replay| is_stripped(replay));
        }
    }
    request
}

fn replay_of(message: &Message) -> Option<&Replay> {
    match message {
        Message::Assistant { replay, .. } => replay.as_ref(),
        Message::System { .. } | Message::User { .. } | Message::ToolResult { .. } => None,
    }
}

fn digest(replay: &Replay) -> u64 {
    let mut hasher = DefaultHasher::new();
    replay.model.hash(&mut hasher);
    replay.content.to_string().hash(&mut hasher);
    hasher.finish()
}
