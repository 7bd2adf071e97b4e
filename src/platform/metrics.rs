//! Every Prometheus metric NAVI exports, in one list.
//!
//! The doc comment of a field is its help text and the field's name is the metric's name. Labels
//! come from closed sets, and [`Metrics::new`] touches every combination, so each series exists at
//! zero before the first request and an alert on `rate()` sees the first increment.

use prometheus::process_collector::ProcessCollector;
use prometheus::{
    CounterVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::platform::counts::requests::RequestCounts;

/// Makes one collector of a `metrics!` struct and registers it.
macro_rules! collector {
    ($registry:ident, $name:expr, $help:expr, Histogram($buckets:expr)) => {{
        let opts = HistogramOpts::new($name, $help).buckets($buckets.to_vec());
        let made = Histogram::with_opts(opts)?;
        $registry.register(Box::new(made.clone()))?;
        made
    }};
    ($registry:ident, $name:expr, $help:expr, HistogramVec($buckets:expr) [$($label:literal),+]) => {{
        let opts = HistogramOpts::new($name, $help).buckets($buckets.to_vec());
        let made = HistogramVec::new(opts, &[$($label),+])?;
        $registry.register(Box::new(made.clone()))?;
        made
    }};
    ($registry:ident, $name:expr, $help:expr, $kind:ident [$($label:literal),+]) => {{
        let made = $kind::new(Opts::new($name, $help), &[$($label),+])?;
        $registry.register(Box::new(made.clone()))?;
        made
    }};
    ($registry:ident, $name:expr, $help:expr, $kind:ident) => {{
        let made = $kind::new($name, $help)?;
        $registry.register(Box::new(made.clone()))?;
        made
    }};
}

/// Declares a struct of collectors: doc comment = help, field = name.
macro_rules! metrics {
    ($(#[doc = $doc:literal])+ $name:ident {
        $( $(#[doc = $help:literal])+ $field:ident: $kind:ident $(($buckets:expr))? $([$($label:literal),+])?, )+
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub struct $name {
            $( $(#[doc = $help])+ pub $field: $kind, )+
        }

        impl $name {
            fn register(registry: &Registry) -> prometheus::Result<Self> {
                Ok(Self {
                    $( $field: collector!(
                        registry,
                        stringify!($field),
                        concat!($($help),+).trim(),
                        $kind $(($buckets))? $([$($label),+])?
                    ), )+
                })
            }
        }
    };
}

/// Milliseconds of a model call; up to ten minutes, denser around the objectives (5, 20, 30 s).
///
/// Every bucket costs a series for each phase of each model, and this histogram alone is more than a
/// third of all series. So there is none below a second: a whole call that is over so soon was
/// refused or is a model of the next room, and the time to the first token has fine buckets there.
/// Nor is there one between the first second and the first objective.
const CALL_MS: &[f64] = &[
    1_000.0, 5_000.0, 10_000.0, 20_000.0, 30_000.0, 60_000.0, 120_000.0, 300_000.0, 600_000.0,
];
/// Milliseconds of a retrieval.
const RETRIEVAL_MS: &[f64] = &[
    1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1_600.0, 5_000.0, 10_000.0,
];
/// Turns of a task.
const ITERATIONS: &[f64] = &[1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0];
/// Milliseconds of a whole task, to the runtime cap and beyond it.
const TASK_MS: &[f64] = &[
    1_000.0,
    5_000.0,
    10_000.0,
    30_000.0,
    60_000.0,
    120_000.0,
    300_000.0,
    600_000.0,
    1_800_000.0,
    3_600_000.0,
];
/// Seconds of an HTTP request; streams last as long as their run.
const HTTP_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0,
];
/// Seconds to the first token.
const FIRST_TOKEN_SECONDS: &[f64] = &[
    0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0,
];
/// Seconds of an answer as a client sees it.
const CLIENT_SECONDS: &[f64] = &[0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
/// Seconds of a pass of the analyzer: one after a rating, one of many ratings, one that is too long.
const PASS_SECONDS: &[f64] = &[0.1, 1.0, 10.0, 60.0, 600.0];

metrics! {
    /// Every collector NAVI exports.
    Collectors {
        /// Calls to language models, by outcome.
        aep_llm_calls_total: IntCounterVec["phase", "model", "status"],
        /// Tokens that language models reported, input and output together.
        aep_llm_tokens_total: IntCounterVec["phase", "model"],
        /// Cost of calls to language models in US dollars; calls without a known price add nothing.
        aep_llm_cost_usd_total: CounterVec["phase", "model"],
        /// Duration of calls to language models in milliseconds.
        aep_llm_latency_ms: HistogramVec(CALL_MS)["phase", "model"],
        /// Duration of retrievals of code in milliseconds.
        aep_rag_retrieval_latency_ms: HistogramVec(RETRIEVAL_MS)["phase"],
        /// Chunks of code that were retrieved.
        aep_rag_chunks_retrieved_total: IntCounterVec["phase"],
        /// Iterations of finished tasks.
        aep_task_iterations: HistogramVec(ITERATIONS)["status"],
        /// Duration of finished tasks in milliseconds.
        aep_task_completion_time_ms: HistogramVec(TASK_MS)["status"],
        /// Requests to model providers, by outcome.
        aep_provider_calls_total: IntCounterVec["provider", "status"],
        /// Failed requests to model providers, by kind of failure.
        aep_provider_errors_total: IntCounterVec["provider", "error_type"],
        /// State of each provider's circuit breaker: 0 closed, 1 open, 2 half-open.
        aep_circuit_breaker_state: IntGaugeVec["provider"],
        /// Duration of HTTP requests in seconds, until the last byte of the answer was handed over, by
        /// kind: answers, and streams, which last as long as their run. Probes and scrapes are not timed.
        http_request_duration_seconds: HistogramVec(HTTP_SECONDS)["kind"],
        /// Time from sending a model call to its first token in seconds.
        navi_llm_time_to_first_token_seconds: HistogramVec(FIRST_TOKEN_SECONDS)["phase"],
        /// Tokens by kind; cached and cache-write tokens are part of input, reasoning of output.
        navi_llm_tokens_by_kind_total: IntCounterVec["kind"],
        /// Calls whose price was unknown; their cost is NULL until they are priced again.
        navi_llm_unknown_price_total: IntCounter,
        /// Rows of accounting that wait to be written.
        navi_ledger_queue_depth: IntGauge,
        /// Attempts to write accounting rows that failed and were tried again.
        navi_ledger_write_retries_total: IntCounter,
        /// Runs that are being worked on in this process.
        navi_runs_active: IntGauge,
        /// Runs that wait for a worker, of all processes together; every process counts the same.
        navi_runs_waiting: IntGauge,
        /// Runs that were taken over from a process that was lost.
        navi_lease_takeovers_total: IntCounter,
        /// Event streams that are open in this process.
        navi_streams_open: IntGauge,
        /// Records that were appended to audit logs by this process.
        navi_audit_records_total: IntCounter,
        /// Attempts to append to audit logs that failed; requests may have been refused for it.
        navi_audit_failures_total: IntCounter,
        /// Records that will never be in an audit log, because too many waited for the database.
        navi_audit_records_lost_total: IntCounter,
        /// Records that wait to be appended to audit logs.
        navi_audit_queue_depth: IntGauge,
        /// Signed checkpoints of audit logs that could not be made, or that the log contradicts.
        navi_audit_checkpoint_failures_total: IntCounter,
        /// Events that clients sent: stored, stored before, or rejected.
        navi_telemetry_events_total: IntCounterVec["outcome"],
        /// Batches of telemetry of which nothing was stored, by reason.
        navi_telemetry_batches_refused_total: IntCounterVec["reason"],
        /// Errors of this server that could not be recorded as such.
        navi_telemetry_errors_lost_total: IntCounter,
        /// Time to the first token of an answer in seconds, as clients saw it.
        navi_client_time_to_first_token_seconds: Histogram(FIRST_TOKEN_SECONDS),
        /// Duration of streamed answers in seconds, as clients saw it.
        navi_client_stream_duration_seconds: Histogram(CLIENT_SECONDS),
        /// Generations that clients asked a model for themselves, by outcome.
        navi_client_generations_total: IntCounterVec["status"],
        /// Duration of those generations in seconds.
        navi_client_generation_seconds: Histogram(CLIENT_SECONDS),
        /// Ratings of answers that were given, changed or taken back.
        navi_feedback_ratings_total: IntCounterVec["rating"],
        /// Events of answers that clients reported.
        navi_feedback_signals_total: IntCounterVec["signal"],
        /// Time of this process's last retention pass without a failure, in seconds since 1970; one of
        /// all processes makes each pass, so the newest of them counts.
        navi_retention_last_success_timestamp_seconds: IntGauge,
        /// Tables that retention could not look after, and passes that it could not make.
        navi_retention_failures_total: IntCounter,
        /// Passes of the analyzer by outcome, whatever process made them; every server counts every pass.
        navi_analyzer_passes_total: IntCounterVec["outcome"],
        /// Duration of those passes in seconds.
        navi_analyzer_pass_seconds: Histogram(PASS_SECONDS),
        /// Rows that those passes read.
        navi_analyzer_rows_total: IntCounter,
        /// Insights that those passes made, changed or retired.
        navi_analyzer_insights_total: IntCounterVec["change"],
        /// When a pass last looked at every organisation that was due, in seconds since 1970.
        navi_analyzer_last_success_timestamp_seconds: IntGauge,
        /// Requests to webhooks, by outcome.
        navi_notice_attempts_total: IntCounterVec["outcome"],
        /// Notices that were given up, because their receivers did not take them for a day or are gone.
        navi_notices_dead_total: IntCounter,
        /// Notices that are due and not sent yet, of all organisations; every process counts the same.
        navi_notices_due: IntGauge,
        /// Connections out of the networks of runs, by what became of them.
        navi_egress_connections_total: IntCounterVec["verdict"],
        /// Database connections of this process, by state.
        navi_db_connections: IntGaugeVec["state"],
        /// Callers that wait because every database connection of this process is in use.
        navi_db_waiting_callers: IntGauge,
        /// Database connections that requests use which only read; they have half of all at most.
        navi_db_reading_connections: IntGauge,
        /// Those of the waiting callers that wait because reading has all that it may have.
        navi_db_waiting_readers: IntGauge,
        /// 1 if this process should be sent requests, else 0.
        navi_ready: IntGauge,
        /// 1 for each check behind that which passes, else 0.
        navi_health_check_ok: IntGaugeVec["check"],
        /// Bytes that are free on the disk of each folder this process writes to.
        navi_disk_free_bytes: IntGaugeVec["place"],
        /// Size of that disk in bytes.
        navi_disk_size_bytes: IntGaugeVec["place"],
        /// Ended spans of recorded traces, by what became of them.
        navi_trace_spans_total: IntCounterVec["outcome"],
        /// Always 1; its labels say what runs here: version, environment, and the wall around commands.
        navi_info: IntGaugeVec["version", "env", "sandbox"],
    }
}

/// The phases in which a model is called: the closed set behind the label `phase`.
pub const PHASES: &[&str] = &["plan", "autonomous", "chat"];
/// The outcomes of a call: the closed set behind `status` of the model metrics.
pub const CALL_STATUSES: &[&str] = &["success", "error", "timeout", "cancelled"];
/// The outcomes of a task: the closed set behind `status` of the task metrics.
pub const TASK_STATUSES: &[&str] = &["success", "error", "timeout", "cancelled"];
/// The outcomes of a client's event: the closed set behind `outcome` of the telemetry metrics.
pub const TELEMETRY_OUTCOMES: &[&str] = &["stored", "repeated", "rejected"];
/// Why a batch of telemetry is refused: the closed set behind `reason`.
pub const TELEMETRY_REFUSALS: &[&str] =
    &["too_large", "overload", "rate", "unavailable", "invalid"];
/// The kinds of ratings: the closed set behind `rating`.
pub const RATINGS: &[&str] = &["up", "down", "withdrawn"];
/// The events of an answer that clients can see: the closed set behind `signal`.
pub const CLIENT_SIGNALS: &[&str] = &["kept", "edited", "reverted"];
/// The outcomes of a pass of the analyzer: the closed set behind `outcome` of its metrics.
pub const PASS_OUTCOMES: &[&str] = &["done", "partly", "failed", "interrupted"];
/// The changes of a pass to insights: the closed set behind `change`.
pub const INSIGHT_CHANGES: &[&str] = &["made", "changed", "retired"];
/// The outcomes of a connection out of a run's network: the closed set behind `verdict`.
pub const EGRESS_VERDICTS: &[&str] = &["allowed", "refused", "failed"];
/// The outcomes of a request to a webhook: the closed set behind `outcome` of the metrics of notices.
pub const NOTICE_OUTCOMES: &[&str] = &["delivered", "failed"];
/// Kinds of provider failure: the closed set behind `error_type`.
pub const PROVIDER_ERRORS: &[&str] = &[
    "http",
    "timeout",
    "network",
    "rate_limit",
    "auth",
    "protocol",
    "cancelled",
];
/// Kinds of answer: the closed set behind `kind` of the duration of requests.
pub const ANSWER_KINDS: &[&str] = &["answer", "stream"];
/// Folders whose disk is watched: the closed set behind `place`.
pub const DISK_PLACES: &[&str] = &["data", "temporary"];
/// Kinds of token: the closed set behind `kind`.
pub const TOKEN_KINDS: &[&str] = &["input", "cache_read", "cache_write", "output", "reasoning"];
/// The label value of a model that is not in the closed set.
pub const OTHER_MODEL: &str = "other";

/// The registry and its collectors; cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    collectors: std::sync::Arc<Collectors>,
    /// HTTP requests by route template.
    pub http_requests_total: RequestCounts,
    models: std::sync::Arc<[String]>,
}

impl std::ops::Deref for Metrics {
    type Target = Collectors;
    fn deref(&self) -> &Collectors {
        &self.collectors
    }
}

impl Metrics {
    /// Registers everything and brings every series to life at zero.
    ///
    /// `models` and `providers` close the sets of those labels; other models are counted under
    /// [`OTHER_MODEL`].
    pub fn new(models: &[String], providers: &[&str]) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let collectors = Collectors::register(&registry)?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let metrics = Self {
            registry,
            collectors: collectors.into(),
            http_requests_total: RequestCounts::default(),
            models: models.into(),
        };
        metrics.touch_every_series(providers);
        Ok(metrics)
    }

    fn touch_every_series(&self, providers: &[&str]) {
        let models = self.models.iter().map(String::as_str).chain([OTHER_MODEL]);
        for model in models {
            for phase in PHASES {
                for status in CALL_STATUSES {
                    self.aep_llm_calls_total
                        .with_label_values(&[*phase, model, *status]);
                }
                self.aep_llm_tokens_total
                    .with_label_values(&[*phase, model]);
                self.aep_llm_cost_usd_total
                    .with_label_values(&[*phase, model]);
                self.aep_llm_latency_ms.with_label_values(&[*phase, model]);
            }
        }
        for phase in PHASES {
            self.aep_rag_retrieval_latency_ms
                .with_label_values(&[*phase]);
            self.aep_rag_chunks_retrieved_total
                .with_label_values(&[*phase]);
            self.navi_llm_time_to_first_token_seconds
                .with_label_values(&[*phase]);
        }
        for status in TASK_STATUSES {
            self.aep_task_iterations.with_label_values(&[*status]);
            self.aep_task_completion_time_ms
                .with_label_values(&[*status]);
        }
        for provider in providers {
            for status in CALL_STATUSES {
                self.aep_provider_calls_total
                    .with_label_values(&[*provider, *status]);
            }
            for error in PROVIDER_ERRORS {
                self.aep_provider_errors_total
                    .with_label_values(&[*provider, *error]);
            }
            self.aep_circuit_breaker_state
                .with_label_values(&[*provider]);
        }
        for status in ["success", "error"] {
            self.navi_client_generations_total
                .with_label_values(&[status]);
        }
        for (counter, labels) in [
            (&self.navi_llm_tokens_by_kind_total, TOKEN_KINDS),
            (&self.navi_telemetry_events_total, TELEMETRY_OUTCOMES),
            (
                &self.navi_telemetry_batches_refused_total,
                TELEMETRY_REFUSALS,
            ),
            (&self.navi_feedback_ratings_total, RATINGS),
            (&self.navi_feedback_signals_total, CLIENT_SIGNALS),
            (&self.navi_analyzer_passes_total, PASS_OUTCOMES),
            (&self.navi_analyzer_insights_total, INSIGHT_CHANGES),
            (&self.navi_egress_connections_total, EGRESS_VERDICTS),
            (&self.navi_notice_attempts_total, NOTICE_OUTCOMES),
        ] {
            for label in labels {
                counter.with_label_values(&[*label]);
            }
        }
        for outcome in ["sent", "dropped", "failed"] {
            self.navi_trace_spans_total.with_label_values(&[outcome]);
        }
        for state in ["idle", "used"] {
            self.navi_db_connections.with_label_values(&[state]);
        }
        for kind in ANSWER_KINDS {
            self.http_request_duration_seconds
                .with_label_values(&[*kind]);
        }
        for place in DISK_PLACES {
            self.navi_disk_free_bytes.with_label_values(&[*place]);
            self.navi_disk_size_bytes.with_label_values(&[*place]);
        }
    }

    /// The label for a model: itself when it is in the closed set, else [`OTHER_MODEL`].
    pub fn model_label<'a>(&self, model: &'a str) -> &'a str {
        if self.models.iter().any(|known| known == model) {
            model
        } else {
            OTHER_MODEL
        }
    }

    /// All series in the Prometheus text format, version 0.0.4.
    pub fn render(&self) -> prometheus::Result<String> {
        let mut text = String::with_capacity(128 * 1024);
        self.http_requests_total.write(&mut text);
        TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}
