//! The queue of spans that ended: bounded, and never waited for.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::sync::mpsc::Sender;

use crate::platform::metrics::Metrics;

/// Takes spans as they end.
#[derive(Debug)]
pub(super) struct SpanQueue {
    spans: Sender<SpanData>,
    metrics: Metrics,
}

impl SpanQueue {
    pub(super) fn new(spans: Sender<SpanData>, metrics: Metrics) -> Self {
        Self { spans, metrics }
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.spans.try_send(span).is_err() {
            let spans = &self.metrics.navi_trace_spans_total;
            spans.with_label_values(&["dropped"]).inc();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    // The task that sends ends with the others of its process.
    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}
