//! Counts every request to a provider, however it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt};

use crate::llm::error::LlmError;
use crate::llm::model::{ChatRequest, StreamEvent};
use crate::llm::provider::{Around, EventStream, Provider};
use crate::llm::served::standing::Standings;
use crate::platform::metrics::Metrics;

/// A provider whose requests are counted in `aep_provider_calls_total` and
/// `aep_provider_errors_total`. A request that is dropped before its last event is `cancelled`.
#[derive(Debug)]
pub struct Observed {
    inner: Arc<dyn Provider>,
    metrics: Metrics,
    standings: Standings,
}

impl Observed {
    /// Counts the requests to `inner`.
    pub fn new(inner: Arc<dyn Provider>, metrics: Metrics) -> Self {
        Self {
            inner,
            metrics,
            standings: Standings::default(),
        }
    }

    /// The same, whose outcomes say whether the provider answers.
    #[must_use]
    pub fn telling(mut self, standings: Standings) -> Self {
        self.standings = standings;
        self
    }
}

impl Around for Observed {
    fn inner(&self) -> &dyn Provider {
        &*self.inner
    }

    fn ask<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<EventStream, LlmError>> {
        async move {
            let mut count = Count {
                provider: self.inner.name(),
                model: request.model.clone(),
                metrics: self.metrics.clone(),
                standings: self.standings.clone(),
                counted: false,
            };
            match self.inner.stream(request).await {
                Ok(inner) => Ok(ObservedStream { inner, count }.boxed()),
                Err(error) => {
                    count.failed(&error);
                    Err(error)
                }
            }
        }
        .boxed()
    }
}

/// One request, counted exactly once.
struct Count {
    provider: &'static str,
    model: String,
    metrics: Metrics,
    standings: Standings,
    counted: bool,
}

impl Count {
    fn ended(&mut self, status: &str, error: Option<&str>) {
        if std::mem::replace(&mut self.counted, true) {
            return;
        }
        self.metrics
            .aep_provider_calls_total
            .with_label_values(&[self.provider, status])
            .inc();
        if let Some(error) = error {
            self.metrics
                .aep_provider_errors_total
                .with_label_values(&[self.provider, error])
                .inc();
        }
    }

    fn succeeded(&mut self) {
        self.standings.answered(self.provider, &self.model);
        self.ended("success", None);
    }

    fn failed(&mut self, error: &LlmError) {
        self.standings.failed(self.provider, &self.model, error);
        let status = if error.is_timeout() {
            "timeout"
        } else {
            "error"
        };
        self.ended(status, Some(error.metric_label()));
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.ended("cancelled", Some("cancelled"));
    }
}

struct ObservedStream {
    inner: EventStream,
    count: Count,
}

impl Stream for ObservedStream {
    type Item = Result<StreamEvent, LlmError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.inner.poll_next_unpin(context);
        match &polled {
            Poll::Ready(Some(Ok(StreamEvent::Done(_)))) => self.count.succeeded(),
            Poll::Ready(Some(Err(error))) => self.count.failed(error),
            // A stream that ends without its last event is one that was cut off.
            Poll::Ready(None) => self.count.ended("error", Some("protocol")),
            Poll::Ready(Some(Ok(
                StreamEvent::Text { .. } | StreamEvent::Reasoning { .. } | StreamEvent::ToolCall(_),
            )))
            | Poll::Pending => {}
        }
        polled
    }
}
