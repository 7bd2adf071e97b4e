//! What of client events is shown in Prometheus: how fast answers stream and how models do, as people
//! see it.

use serde_json::Value;

use crate::platform::metrics::Metrics;
use crate::telemetry::model::Event;

/// A number that a client reported and a dashboard shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Observation {
    /// How an answer streamed.
    Stream {
        /// Seconds to its first token.
        first_token: Option<f64>,
        /// Seconds to its end.
        total: Option<f64>,
    },
    /// A generation that the client itself asked a model for.
    Generation {
        /// Whether there was an answer.
        success: bool,
        /// Seconds to it.
        latency: Option<f64>,
    },
}

/// What an event shows, if anything.
pub fn observations(event: &Event) -> Option<Observation> {
    // A client may report anything; what no clock can have measured is left out.
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
    /// Adds it to the metrics.
    pub fn count(self, metrics: &Metrics) {
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
