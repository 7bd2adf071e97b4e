//! A provider that is asked in the better of two protocols, as long as its endpoint has that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::llm::error::LlmError;
use crate::llm::model::ChatRequest;
use crate::llm::provider::{EventStream, Provider};

/// Two ways to the same models.
#[derive(Debug)]
pub(in crate::llm) struct Preferred {
    first: Arc<dyn Provider>,
    second: Arc<dyn Provider>,
    /// The endpoint does not have the first; remembered until the process ends.
    is_absent: AtomicBool,
}

impl Preferred {
    /// A provider that falls back from `first` to `second`.
    pub(in crate::llm) fn new(first: Arc<dyn Provider>, second: Arc<dyn Provider>) -> Self {
        Self {
            first,
            second,
            is_absent: AtomicBool::new(false),
        }
    }

    fn current(&self) -> &Arc<dyn Provider> {
        if self.is_absent.load(Ordering::Relaxed) {
            &self.second
        } else {
            &self.first
        }
    }

    async fn ask(&self, request: &ChatRequest) -> Result<EventStream, LlmError> {
        if self.is_absent.load(Ordering::Relaxed) {
            return self.second.stream(request).await;
        }
        let error = match self.first.stream(request).await {
            Err(error) if is_about_path(&error) => error,
            answer => return answer,
        };
        let answer = self.second.stream(request).await;
        // Where neither is there, the base URL is wrong, and the first may be there once it is right.
        if answer.as_ref().is_err_and(is_about_path) {
            return Err(error);
        }
        if !self.is_absent.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                provider = self.name(),
                %error,
                "the endpoint has no Responses; Chat Completions are used until the process ends"
            );
        }
        answer
    }
}

/// True if a refusal means that there is nothing at the path.
fn is_about_path(error: &LlmError) -> bool {
    matches!(
        error,
        LlmError::Rejected {
            status: 404 | 405 | 501,
            ..
        }
    )
}

impl Provider for Preferred {
    fn name(&self) -> &'static str {
        self.first.name()
    }

    fn takes_temperature(&self, model: &str) -> bool {
        self.current().takes_temperature(model)
    }

    fn window(&self, model: &str) -> Option<u32> {
        self.current().window(model)
    }

    fn stream<'a>(
        &'a self,
        request: &'a ChatRequest,
    ) -> BoxFuture<'a, Result<EventStream, LlmError>> {
        self.ask(request).boxed()
    }
}
