//! The codec of Chat Completions.

use serde_json::Value;

use crate::llm::model::ChatRequest;
use crate::llm::wire::codec::{Codec, Decoder};
use crate::llm::wire::openai::dialect::Dialect;
use crate::llm::wire::openai::{answer, request};

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

    fn decoder(&self, request: &ChatRequest) -> Box<dyn Decoder> {
        Box::new(answer::Answer::new(request, self.0))
    }
}
