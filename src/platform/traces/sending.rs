//! The task that sends spans.

use std::time::Duration;

use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::platform::metrics::Metrics;
use crate::platform::redact::known::KnownSecrets;
use crate::platform::traces::cleaning::clean;

/// The most spans of a request.
const BATCH: usize = 512;
/// The longest that the end of the process waits until the last spans are sent.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Sends spans, many at once.
pub(super) struct Sending {
    pub(super) exporter: SpanExporter,
    pub(super) spans: Receiver<SpanData>,
    /// The time for which spans are gathered.
    pub(super) delay: Duration,
    /// The timeout of a request.
    pub(super) timeout: Duration,
    pub(super) secrets: KnownSecrets,
    pub(super) metrics: Metrics,
}

impl Sending {
    /// Sends until the process ends, and then the rest, if the collector takes it soon.
    pub(super) async fn run(mut self, stopping: CancellationToken) {
        let mut batch = Vec::new();
        let mut is_failing = false;
        let end = loop {
            let gathering = gather(&mut self.spans, &mut batch, self.delay);
            match stopping.run_until_cancelled(gathering).await {
                Some(0) => return,
                None => break Instant::now() + LAST_WORDS,
                Some(_) => {}
            }
            let count = batch.len();
            // A request that is on its way when the process ends has to hurry too.
            let hurry = async {
                stopping.cancelled().await;
                tokio::time::sleep(LAST_WORDS).await;
            };
            tokio::select! {
                () = self.send(std::mem::take(&mut batch), &mut is_failing) => {}
                () = hurry => {
                    self.count("failed", count);
                    break Instant::now();
                }
            }
        };
        self.spans.close();
        while let Ok(span) = self.spans.try_recv() {
            batch.push(span);
        }
        while !batch.is_empty() {
            let later = batch.split_off(batch.len().min(BATCH));
            let spans = std::mem::replace(&mut batch, later);
            let count = spans.len();
            let sending = self.send(spans, &mut is_failing);
            if timeout_at(end, sending).await.is_err() {
                self.count("failed", count);
            }
        }
    }

    async fn send(&self, mut spans: Vec<SpanData>, is_failing: &mut bool) {
        let count = spans.len();
        for span in &mut spans {
            clean(span, &self.secrets);
        }
        let failure = match timeout(self.timeout, self.exporter.export(spans)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} ms", self.timeout.as_millis())),
        };
        self.count(if failure.is_some() { "failed" } else { "sent" }, count);
        // Said once, and not for every batch of a night.
        match (failure, *is_failing) {
            (Some(error), false) => {
                tracing::warn!(
                    error,
                    "traces cannot be sent; spans are lost until they can"
                );
                *is_failing = true;
            }
            (None, true) => {
                tracing::info!("traces are sent again");
                *is_failing = false;
            }
            (Some(_), true) | (None, false) => {}
        }
    }

    fn count(&self, outcome: &str, spans: usize) {
        let counter = &self.metrics.navi_trace_spans_total;
        counter.with_label_values(&[outcome]).inc_by(spans as u64);
    }
}

/// Waits for a span, and gathers more until there are enough or the time is over. Returns how many there
/// are; none if none can come any more.
async fn gather(
    spans: &mut Receiver<SpanData>,
    batch: &mut Vec<SpanData>,
    delay: Duration,
) -> usize {
    if spans.recv_many(batch, BATCH).await == 0 {
        return 0;
    }
    let end = Instant::now() + delay;
    while batch.len() < BATCH {
        let room = BATCH - batch.len();
        match timeout_at(end, spans.recv_many(batch, room)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    batch.len()
}
