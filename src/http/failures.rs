//! Records what this server failed at, as it records the errors of clients: so that an operator finds
//! both in one place, and a person's complaint finds its cause by the trace.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde_json::json;

use crate::auth::layer::Asker;
use crate::http::limits::Panicked;
use crate::http::measure::UNMATCHED;
use crate::platform::clock::Clock;
use crate::platform::logging::{RequestId, TraceId};
use crate::platform::problem::Problem;
use crate::telemetry::model::{ErrorOccurrence, ErrorSource};
use crate::telemetry::service::Telemetry;

/// The number of failures of one kind on one route that are recorded in a minute: while a database is
/// away, the next thousand say nothing new.
const PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);

/// Where failures are recorded; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    telemetry: Telemetry,
    clock: Clock,
    /// By code and route, which are both from closed sets.
    recent: Arc<DefaultKeyedRateLimiter<(String, String)>>,
}

impl Recorder {
    /// Records into telemetry.
    pub fn new(telemetry: Telemetry, clock: Clock) -> Self {
        Self {
            telemetry,
            clock,
            recent: Arc::new(RateLimiter::keyed(Quota::per_minute(PER_MINUTE))),
        }
    }
}

/// The parts of a request that are known before it is answered.
struct Asked {
    method: Method,
    route: Option<MatchedPath>,
    request_id: Option<RequestId>,
    trace_id: Option<TraceId>,
    asker: Asker,
}

/// Looks at every answer; those that say that this server failed are recorded.
pub async fn record<F: Future<Output = Response>>(
    recorder: &Recorder,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    let extensions = request.extensions();
    let seen = Asked {
        method: request.method().clone(),
        route: extensions.get::<MatchedPath>().cloned(),
        request_id: extensions.get::<RequestId>().cloned(),
        trace_id: extensions.get::<TraceId>().cloned(),
        asker,
    };
    let response = next(request).await;
    let status = response.status();
    let is_failure = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
    // A probe that says no does its work.
    if is_failure && !seen.template().contains("/health") {
        recorder.failed(seen, &response);
    }
    response
}

impl Asked {
    fn template(&self) -> &str {
        self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str)
    }
}

impl Recorder {
    fn failed(&self, asked: Asked, response: &Response) {
        let problem = response.extensions().get::<Problem>();
        let panicked = response.extensions().get::<Panicked>();
        let code = problem.map_or("UNKNOWN", |problem| &problem.error_code);
        let error_type = if panicked.is_some() { "panic" } else { code };
        let key = (error_type.to_owned(), asked.template().to_owned());
        if self.recent.check_key(&key).is_err() {
            return;
        }
        let cause = panicked.map(|panicked| panicked.0.as_str());
        let cause = cause.or_else(|| problem?.cause.as_deref());
        let detail = cause.or_else(|| problem.map(|problem| problem.detail.as_str()));
        let status = response.status();
        let severity = match (panicked, status) {
            (Some(_), _) => "critical",
            (None, StatusCode::SERVICE_UNAVAILABLE) => "warning",
            (None, _) => "error",
        };
        let operation = format!("{} {}", asked.method, asked.template());
        let request_id = asked.request_id.as_ref().map(ToString::to_string);
        let now = self.clock.now();
        let principal = asked.asker.get();
        self.telemetry.report(ErrorOccurrence {
            org_id: principal
                .map(|who| who.org_id.to_string())
                .unwrap_or_default(),
            user_id: principal
                .map(|who| who.user_id.to_string())
                .unwrap_or_default(),
            source: ErrorSource::Server,
            error_type: error_type.to_owned(),
            error_code: Some(code.to_owned()),
            severity: severity.to_owned(),
            message: format!("{operation}: {}", detail.unwrap_or("no detail")),
            component: Some("http".to_owned()),
            operation: Some(operation),
            extra: Some(json!({"status": status.as_u16(), "request_id": request_id})),
            trace_id: asked.trace_id.map(|trace| trace.0),
            ..ErrorOccurrence::of_this_server(now)
        });
    }
}
