//! Prometheus metrics from client events: streaming latency and model calls, as users see them.

use serde_json::Value;

use crate::platform::metrics::Metrics;
use crate::telemetry::model::ClientEvent;

/// An observation for the metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Observation {
    /// The streaming of an answer.
    Stream {
        /// Seconds to the first token.
        first_token: Option<f64>,
        /// Seconds to the end.
        total: Option<f64>,
    },
    /// A model call by the client itself.
    Generation {
        /// True if there was an answer.
        success: bool,
        /// Seconds to the answer.
        latency: Option<f64>,
    },
}

/// Returns the observation in an event, if it has one.
pub fn observation(event: &ClientEvent) -> Option<Observation> {
    // Clients may report anything; impossible durations are dropped.
    let seconds = |name: &str| {
        let millis = event.data.get(name).and_then(Value::as_f64)?;
        (0.0..=86_400_000.0)
            .contains(&millis)
            .then_some(millis / 1_000.0)
    };
    match event.kind.as_str() {
        "navi.streaming.performance" => Some(Observation::Stream {
            first_token: seconds("time_to_first_token_ms"),
            total: seconds("total_duration_ms"),
        }),
        "navi.llm.generation" => Some(Observation::Generation {
            success: event.data.get("success").and_then(Value::as_bool)?,
            latency: seconds("latencyMs"),
        }),
        _ => None,
    }
}

impl Observation {
    /// Records it in the metrics.
    pub fn record(self, metrics: &Metrics) {
        match self {
            Self::Stream { first_token, total } => {
                if let Some(seconds) = first_token {
                    metrics
                        .navi_client_time_to_first_token_seconds
                        .observe(seconds);
                }
                if let Some(seconds) = total {
                    metrics.navi_client_stream_duration_seconds.observe(seconds);
                }
            }
            Self::Generation { success, latency } => {
                let status = if success { "success" } else { "error" };
                metrics
                    .navi_client_generations_total
                    .with_label_values(&[status])
                    .inc();
                if let Some(seconds) = latency {
                    metrics.navi_client_generation_seconds.observe(seconds);
                }
            }
        }
    }
}
