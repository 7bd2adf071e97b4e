//! The interface of every model provider.

use std::fmt;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use crate::llm::error::LlmError;
use crate::llm::model::{ChatRequest, StreamEvent};

/// A model's answer as it arrives. Ends after [`StreamEvent::Done`] or an error; dropping it
/// cancels the call.
pub type EventStream = BoxStream<'static, Result<StreamEvent, LlmError>>;

/// A model provider: the one thing that is faked in tests, because it is outside.
pub trait Provider: fmt::Debug + Send + Sync {
    /// The configured name: `anthropic`, `openai`, `scripted` and so on.
    fn name(&self) -> &'static str;

    /// True if a model, by the provider's name for it, is told the temperature of a request. Models that
    /// reason choose their own.
    fn takes_temperature(&self, model: &str) -> bool;

    /// The context window of a model in tokens, if the provider has said it when it refused a
    /// conversation.
    fn window(&self, _model: &str) -> Option<u32> {
        None
    }

    /// Asks the model. An error here means that nothing was streamed.
    fn stream<'a>(
        &'a self,
        request: &'a ChatRequest,
    ) -> BoxFuture<'a, Result<EventStream, LlmError>>;
}

/// A provider around another one, which hands out that one's answers in a way of its own.
pub trait Around: fmt::Debug + Send + Sync {
    /// The provider that answers.
    fn inner(&self) -> &dyn Provider;

    /// Asks the inner provider.
    fn ask<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<EventStream, LlmError>>;
}

impl<P: Around> Provider for P {
    fn name(&self) -> &'static str {
        self.inner().name()
    }

    fn takes_temperature(&self, model: &str) -> bool {
        self.inner().takes_temperature(model)
    }

    fn window(&self, model: &str) -> Option<u32> {
        self.inner().window(model)
    }

    fn stream<'a>(
        &'a self,
        request: &'a ChatRequest,
    ) -> BoxFuture<'a, Result<EventStream, LlmError>> {
        self.ask(request)
    }
}
