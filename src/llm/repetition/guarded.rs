//! A provider whose model is stopped when it repeats itself without end.
//!
//! A text that a model has said once it is more likely to say again, and with every repetition more so, so a
//! loop does not end by itself (Holtzman et al., *The Curious Case of Neural Text Degeneration*, ICLR 2020,
//! section 3). Small models on one's own machine are prone to it, and each loop would last until the limit of
//! an answer. Gemini CLI stops such answers too (`loopDetectionService.ts`): by counting hashes of pieces of
//! fifty letters, outside of code, tables and lists. Here the repetition has to be exact and long instead, so
//! that nothing is stopped that was meant.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};

use crate::llm::error::LlmError;
use crate::llm::model::{ChatRequest, StreamEvent};
use crate::llm::provider::{Around, EventStream, Provider};
use crate::llm::repetition::prose::ProseTail;

/// A provider whose answers are watched.
#[derive(Debug)]
pub struct LoopGuard {
    inner: Arc<dyn Provider>,
}

impl LoopGuard {
    /// Watches the answers of `inner`.
    pub fn new(inner: Arc<dyn Provider>) -> Self {
        Self { inner }
    }
}

impl Around for LoopGuard {
    fn inner(&self) -> &dyn Provider {
        &*self.inner
    }

    fn ask<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<EventStream, LlmError>> {
        async move {
            let events = self.inner.stream(request).await?;
            Ok(watched(self.inner.name(), events))
        }
        .boxed()
    }
}

struct Watched {
    provider: &'static str,
    events: EventStream,
    /// The model's speech and its thoughts are two texts.
    said: ProseTail,
    thought: ProseTail,
}

impl Watched {
    fn loops(&mut self, event: &StreamEvent) -> Option<LlmError> {
        let part = match event {
            StreamEvent::Text { delta } => self.said.push(delta),
            StreamEvent::Reasoning { delta } => self.thought.push(delta),
            StreamEvent::ToolCall(_) | StreamEvent::Done(_) => None,
        }?;
        let provider = self.provider;
        tracing::warn!(
            provider,
            "a model repeats itself without end and is stopped"
        );
        Some(LlmError::Repeats { provider, part })
    }
}

/// The same events up to a loop. With the error the answer of the provider is dropped, which cancels it.
fn watched(provider: &'static str, events: EventStream) -> EventStream {
    let watched = Watched {
        provider,
        events,
        said: ProseTail::default(),
        thought: ProseTail::default(),
    };
    let next = |watched: Option<Watched>| async move {
        let mut watched = watched?;
        let event = watched.events.next().await?;
        match event {
            Ok(event) => match watched.loops(&event) {
                Some(error) => Some((Err(error), None)),
                None => Some((Ok(event), Some(watched))),
            },
            Err(error) => Some((Err(error), None)),
        }
    };
    stream::unfold(Some(watched), next).boxed()
}
