//! The traces of a process.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Compression, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter as _};
use tokio::sync::mpsc;

use crate::platform::clock::Clock;
use crate::platform::ids::uuid_v7;
use crate::platform::metrics::Metrics;
use crate::platform::redact::known::KnownSecrets;
use crate::platform::tasks::Tasks;
use crate::platform::traces::collector::Collector;
use crate::platform::traces::config::{OtlpCompression, OtlpProtocol, TraceConfig};
use crate::platform::traces::context::{Recording, TraceContext};
use crate::platform::traces::error::TracesError;
use crate::platform::traces::parent::TraceParent;
use crate::platform::traces::queue::SpanQueue;
use crate::platform::traces::sending::Sending;

/// The conventions of spans of requests and statements: those that v0.1.0 of the others builds on.
const GENERAL_SCHEMA: &str = "https://opentelemetry.io/schemas/1.45.0";
/// The conventions of spans of models, tools and agents.
const GEN_AI_SCHEMA: &str = "https://opentelemetry.io/schemas/gen-ai/0.1.0";

/// Begins traces, and goes on with those of others; empty when nothing is traced. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Arc<Recording>>);

/// A process that is traced.
pub struct TracedProcess<'a> {
    /// The environment's name.
    pub environment: &'static str,
    /// The secrets that leave in no span.
    pub secrets: KnownSecrets,
    /// Where spans are counted.
    pub metrics: Metrics,
    /// The time.
    pub clock: &'a Clock,
    /// Where spans are sent in the background.
    pub tasks: &'a Tasks,
}

impl Traces {
    /// Starts to send spans, if the settings say where to.
    pub fn open(config: &TraceConfig, around: TracedProcess<'_>) -> Result<Self, TracesError> {
        let Some(endpoint) = config.endpoint() else {
            return Ok(Self::default());
        };
        let resource = resource(config, &around);
        let collector = Collector::new(&endpoint, config.timeout())?;
        let mut exporter = exporter(config, endpoint.as_str(), collector)?;
        exporter.set_resource(&resource);
        let (sender, spans) = mpsc::channel(config.queue());
        let provider = SdkTracerProvider::builder()
            .with_span_processor(SpanQueue::new(sender, around.metrics.clone()))
            .with_sampler(config.sampler())
            .with_resource(resource)
            .build();
        let sending = Sending {
            exporter,
            spans,
            delay: config.delay(),
            timeout: config.timeout(),
            secrets: around.secrets,
            metrics: around.metrics,
        };
        around.tasks.spawn(sending.run(around.tasks.stopping()));
        tracing::info!(%endpoint, "traces are sent to a collector");
        let scope = |name, schema| {
            let scope = InstrumentationScope::builder(name);
            let scope = scope.with_version(env!("CARGO_PKG_VERSION"));
            provider.tracer_with_scope(scope.with_schema_url(schema).build())
        };
        Ok(Self(Some(Arc::new(Recording {
            general: scope("navi", GENERAL_SCHEMA),
            gen_ai: scope("navi.gen_ai", GEN_AI_SCHEMA),
            keeps_older_names: config.keeps_older_names(),
            tells_providers: config.trace_to_providers,
        }))))
    }

    /// A place after this step of another process; without one, at the beginning of a new trace.
    pub fn after(&self, parent: Option<TraceParent>) -> TraceContext {
        match &self.0 {
            Some(recording) => TraceContext::outside(recording.clone(), parent),
            None => TraceContext::default(),
        }
    }
}

/// The resource of this process's spans. Settings win over defaults.
fn resource(config: &TraceConfig, around: &TracedProcess<'_>) -> Resource {
    let ours = [
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", uuid_v7(around.clock).to_string()),
        ("deployment.environment.name", around.environment.to_owned()),
    ];
    let ours = ours.map(|(name, value)| KeyValue::new(name, value));
    let set = config.otel_resource_attributes.clone().unwrap_or_default();
    let mut name = config.otel_service_name.clone();
    let mut set = set.0;
    set.retain(|(key, value)| {
        let is_name = key == "service.name";
        // The setting for it wins, unless it has its default value.
        if is_name && name == DEFAULT_NAME {
            name.clone_from(value);
        }
        !is_name
    });
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(ours)
        .with_attributes(
            set.into_iter()
                .map(|(key, value)| KeyValue::new(key, value)),
        )
        .with_service_name(name)
        .build()
}

/// The name of the service when none is set.
const DEFAULT_NAME: &str = "navi";

/// Writes spans for the collector. Whatever it would look for in the environment is said here.
fn exporter(
    config: &TraceConfig,
    endpoint: &str,
    collector: Collector,
) -> Result<SpanExporter, TracesError> {
    let headers = config.headers().map_err(TracesError::Headers)?;
    let OtlpProtocol::HttpProtobuf = config.otel_exporter_otlp_protocol;
    let builder = SpanExporter::builder()
        .with_http()
        .with_http_client(collector)
        .with_headers(headers.0.into_iter().collect::<HashMap<_, _>>())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(config.timeout());
    let builder = match config.otel_exporter_otlp_compression {
        OtlpCompression::None => builder,
        OtlpCompression::Gzip => builder.with_compression(Compression::Gzip),
    };
    Ok(builder.build()?)
}
