//! Gives every request its id and its place in a trace, and writes them into
//! the answer, into problems and into the log.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use tracing::Instrument;
use tracing::field::Empty;

use crate::http::measure::UNMATCHED;
use crate::http::spans;
use crate::platform::clock::{Clock, millis};
use crate::platform::logging::{RequestId, TraceId};
use crate::platform::problem::Problem;
use crate::platform::traces::parent::{TRACEPARENT, TraceParent};
use crate::platform::traces::service::Traces;

/// The header's name, in requests and answers.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request and its answer, and begins its span where that is traced.
pub async fn identify<F: Future<Output = Response>>(
    (clock, traces): (&Clock, &Traces),
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let id = sent(request.headers(), X_REQUEST_ID.as_str())
        .and_then(RequestId::from_client)
        .unwrap_or_else(|| RequestId::new(clock));
    let parent = sent(request.headers(), TRACEPARENT).and_then(TraceParent::parse);
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or(UNMATCHED, MatchedPath::as_str)
        .to_owned();
    let own = spans::begin(traces, &request, &route, parent);
    let trace = own
        .parent()
        .unwrap_or_else(|| parent.map_or_else(TraceParent::start, TraceParent::child));
    let span = tracing::info_span!(
        "request",
        request.id = %id,
        trace.id = %format_args!("{:032x}", trace.trace_id),
        http.method = %method,
        http.route = %route,
        org.id = Empty,
        user.id = Empty,
    );
    request.extensions_mut().insert(id.clone());
    let trace_id = TraceId(format!("{:032x}", trace.trace_id));
    request.extensions_mut().insert(trace_id);
    let began = Instant::now();
    let response = own.around(next(request)).instrument(span.clone());
    let response = response.await;
    let duration_ms = millis(began.elapsed());
    let status = response.status().as_u16();
    let problem = response.extensions().get::<Problem>();
    let code = problem.map(|problem| problem.error_code.as_str());
    if is_chatter(&method, &route, status) {
        tracing::debug!(parent: &span, status, code, duration_ms, "answered");
    } else {
        tracing::info!(parent: &span, status, code, duration_ms, "answered");
    }
    let mut response = with_request_id(spans::answered(own, response), &id);
    for (name, value) in [
        (X_REQUEST_ID, id.to_string()),
        (HeaderName::from_static(TRACEPARENT), trace.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// True for an answer that no operator wants to see: probes and scrapes come every few seconds and say
/// nothing; accepted telemetry comes by the thousand, and so do a page's preflights.
fn is_chatter(method: &Method, route: &str, status: u16) -> bool {
    let is_probe = route.contains("/health") || route == "/metrics" || route == "/ping";
    let is_bulk = route == "/api/telemetry" || method == Method::OPTIONS;
    // The check logs the findings of a probe.
    (is_probe && !(400..500).contains(&status)) || (is_bulk && status < 400)
}

fn sent<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Writes the request id into the body when the answer is a problem.
fn with_request_id(response: Response, id: &RequestId) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(mut problem) = parts.extensions.remove::<Problem>() else {
        return Response::from_parts(parts, body);
    };
    problem.request_id = Some(id.to_string());
    let Ok(text) = serde_json::to_vec(&problem) else {
        return Response::from_parts(parts, body);
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(text))
}
