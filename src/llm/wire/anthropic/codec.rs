//! The codec of the Messages API.

use serde_json::Value;

use crate::llm::model::ChatRequest;
use crate::llm::wire::anthropic::name::NAME;
use crate::llm::wire::anthropic::{answer, request, thinking};
use crate::llm::wire::codec::{Codec, Decoder};

/// The Messages API.
#[derive(Clone, Copy, Debug)]
pub struct Anthropic;

impl Codec for Anthropic {
    fn provider(&self) -> &'static str {
        NAME
    }

    fn path(&self) -> &'static str {
        "v1/messages"
    }

    fn list_path(&self) -> &'static str {
        "v1/models"
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        ("x-api-key", "")
    }

    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[("anthropic-version", "2023-06-01")]
    }

    fn body(&self, request: &ChatRequest) -> Value {
        request::body(request)
    }

    fn put_back(&self, field: &str, _: &ChatRequest, body: &mut Value) {
        if field == "thinking" {
            thinking::put_back(body);
        }
    }

    fn decoder(&self, request: &ChatRequest) -> Box<dyn Decoder> {
        Box::new(answer::Answer::new(request))
    }
}
