//! The codec of Chat Completions.

use std::collections::HashMap;

use serde_json::Value;

use crate::llm::model::{ChatRequest, Message};
use crate::llm::wire::codec::{Codec, Decoder};
use crate::llm::wire::conversation::safe_id;
use crate::llm::wire::openai::dialect::Dialect;
use crate::llm::wire::openai::{answer, hand_back, request};

/// Chat Completions in one of its dialects.
#[derive(Clone, Copy, Debug)]
pub struct OpenAi(pub Dialect);

impl Codec for OpenAi {
    fn provider(&self) -> &'static str {
        self.0.provider
    }

    fn path(&self) -> &'static str {
        "chat/completions"
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        ("authorization", "Bearer ")
    }

    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn body(&self, request: &ChatRequest) -> Value {
        request::body(request, self.0)
    }

    fn put_back(&self, field: &str, request: &ChatRequest, body: &mut Value) {
        let mut kept = HashMap::new();
        for message in &request.messages {
            if let Message::Assistant {
                tool_calls,
                replay: Some(replay),
                ..
            } = message
                && self.0.wrote(replay, request)
                && let Some(first) = tool_calls.first()
            {
                kept.insert(safe_id(&first.id), &replay.content);
            }
        }
        hand_back::put_back(field, body, |id| kept.get(id).copied());
    }

    fn decoder(&self, request: &ChatRequest) -> Box<dyn Decoder> {
        Box::new(answer::Answer::new(request, self.0))
    }
}
