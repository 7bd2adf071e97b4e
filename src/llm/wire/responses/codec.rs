//! The codec of the Responses API.

use serde_json::Value;

use crate::llm::model::ChatRequest;
use crate::llm::wire::codec::{Codec, Decoder};
use crate::llm::wire::responses::name::NAME;
use crate::llm::wire::responses::{answer, request};

/// The Responses API.
#[derive(Clone, Copy, Debug)]
pub struct Responses(pub KeyHeader);

/// The header that carries the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHeader {
    /// `authorization`, as OpenAI and nearly all others want it.
    Bearer,
    /// `api-key`, as Azure wants it.
    ApiKey,
}

impl Codec for Responses {
    fn provider(&self) -> &'static str {
        NAME
    }

    fn path(&self) -> &'static str {
        "responses"
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        match self.0 {
            KeyHeader::Bearer => ("authorization", "Bearer "),
            KeyHeader::ApiKey => ("api-key", ""),
        }
    }

    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn body(&self, request: &ChatRequest) -> Value {
        request::body(request)
    }

    fn decoder(&self, request: &ChatRequest) -> Box<dyn Decoder> {
        Box::new(answer::ResponsesAnswer::new(request))
    }
}
