//! The interface of a wire format: a request out, frames in. Pure.

use std::fmt;

use serde_json::Value;

use crate::llm::error::LlmError;
use crate::llm::model::{ChatRequest, StreamEvent};
use crate::llm::wire::sse::Frame;

/// A wire format.
pub trait Codec: fmt::Debug + Send + Sync {
    /// The provider's configured name, for errors.
    fn provider(&self) -> &'static str;

    /// The path behind the base URL, without a leading slash.
    fn path(&self) -> &'static str;

    /// The path of the list of models, without a leading slash.
    fn list_path(&self) -> &'static str {
        "models"
    }

    /// The header that carries the key and what stands before the key in it.
    fn key_header(&self) -> (&'static str, &'static str);

    /// Headers beside the key and the content type.
    fn headers(&self) -> &'static [(&'static str, &'static str)];

    /// The body that asks for a streamed answer.
    fn body(&self, request: &ChatRequest) -> Value;

    /// Puts a field into a body whose server insists on it, where it was left out or nothing was kept.
    fn put_back(&self, _field: &str, _request: &ChatRequest, _body: &mut Value) {}

    /// A decoder for the answer to this request.
    fn decoder(&self, request: &ChatRequest) -> Box<dyn Decoder>;
}

/// Reads one answer. The events of a tool call come whole, at the end, before `Done`.
pub trait Decoder: Send {
    /// Reads a frame. Unknown kinds of frame are ignored, malformed ones are errors.
    fn frame(&mut self, frame: &Frame, out: &mut Vec<StreamEvent>) -> Result<(), LlmError>;

    /// The stream ended without an error of the transport.
    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), LlmError>;

    /// Reads an answer that came as one JSON document although a stream was asked for.
    fn whole(&mut self, body: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), LlmError>;

    /// True once `Done` was written, so that nothing more is to be read.
    fn is_done(&self) -> bool;
}

/// True if an answer ended because the provider could not read what its model wrote.
pub(super) fn is_botched(finish: &str) -> bool {
    let finish = finish.to_ascii_lowercase();
    finish.contains("malformed") || finish.contains("unexpected_tool_call")
}
