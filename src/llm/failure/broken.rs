//! Violations of a protocol.

use crate::llm::error::LlmError;

/// Something that the protocol does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::llm) struct Broken(String);

impl Broken {
    pub(in crate::llm) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The error, with the name of the provider that broke the protocol.
    pub(in crate::llm) fn by(self, provider: &'static str) -> LlmError {
        LlmError::Protocol {
            provider,
            reason: self.0,
        }
    }
}
