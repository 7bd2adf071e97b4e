//! Why spans cannot be sent at all.

use opentelemetry_otlp::ExporterBuildError;

use crate::platform::outbound::error::OutboundError;

/// Reasons for which tracing could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The HTTP client could not be made.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The headers for the collector cannot be read.
    #[error("OTEL_EXPORTER_OTLP_HEADERS cannot be read: {0}")]
    Headers(String),
    /// The exporter refuses its settings.
    #[error("the trace exporter could not be created: {0}")]
    Exporter(#[from] ExporterBuildError),
}
