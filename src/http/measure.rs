//! Counts and times every request, by its route template and never by its address.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use http_body_util::BodyExt;
use utoipa::openapi::OpenApi;

use crate::http::{cors, openapi, unbuilt};
use crate::platform::metrics::Metrics;

/// The label for requests that match no route: one series for all of them.
pub const UNMATCHED: &str = "<unmatched>";
/// The label for what browsers ask before they send a page's request, whatever its route.
pub const PREFLIGHT: &str = "<preflight>";

/// The counters of requests, and the methods and routes that have series of their own.
#[derive(Clone)]
pub struct Requests {
    metrics: Metrics,
    /// A method that a route does not have is counted as unmatched, whatever it is answered: by
    /// methods of their own choice, clients could otherwise make a series for each route and status.
    served: Arc<HashMap<&'static str, HashSet<String>>>,
}

impl Requests {
    /// Brings every documented series of `http_requests_total` to life at zero, so that an alert on
    /// its rate sees the first request.
    pub fn new(metrics: Metrics, document: &OpenApi) -> Requests {
        let mut served: HashMap<_, HashSet<_>> = HashMap::new();
        for route in openapi::walk(document) {
            let path = path_label(route.path);
            for status in route.statuses() {
                metrics
                    .http_requests_total
                    .touch(route.method, &path, status);
            }
            let paths = served.entry(route.method).or_default();
            paths.insert(path.into_owned());
        }
        for (method, path, status) in [
            ("GET", UNMATCHED, "404"),
            ("OPTIONS", PREFLIGHT, "204"),
            ("OPTIONS", PREFLIGHT, "403"),
        ] {
            metrics.http_requests_total.touch(method, path, status);
        }
        let served = Arc::new(served);
        Requests { metrics, served }
    }

    /// The label of a route that is asked for by this method.
    fn path_label<'a>(&self, method: &'static str, template: &'a str) -> Cow<'a, str> {
        let label = path_label(template);
        let paths = self.served.get(method);
        if paths.is_some_and(|paths| paths.contains(&*label)) {
            return label;
        }
        Cow::Borrowed(UNMATCHED)
    }
}

/// Counts the request when its answer begins, and times it until the answer's last byte was
/// handed over or its reader went away. Probes are counted and not timed.
pub async fn measure<F: Future<Output = Response>>(
    requests: &Requests,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let is_preflight = cors::is_preflight(&request);
    let began = Instant::now();
    let response = next(request).await;
    let path = match &route {
        _ if is_preflight => Cow::Borrowed(PREFLIGHT),
        Some(route) => requests.path_label(method, route.as_str()),
        None => Cow::Borrowed(UNMATCHED),
    };
    let metrics = &requests.metrics;
    metrics
        .http_requests_total
        .count(method, &path, response.status().as_str());
    // Probes and scrapes are many and fast: among them slow answers would not be seen.
    if PROBES.contains(&&*path) {
        return response;
    }
    let timer = Timer {
        began,
        kind: kind(&response),
        metrics: metrics.clone(),
    };
    response.map(|body| {
        // The closure owns the timer, so the time is taken when the body is dropped.
        Body::new(body.inspect_frame(move |_| {
            let _ = &timer;
        }))
    })
}

/// Routes that probes and scrapes ask for.
pub(super) const PROBES: &[&str] = &[
    "/api/telemetry/health",
    "/health",
    "/health-fast",
    "/health/live",
    "/health/ready",
    "/health/startup",
    "/metrics",
    "/ping",
    "/version",
];

/// The label of an answer's duration: a stream lasts as long as its run, which says nothing of this server.
fn kind(response: &Response) -> &'static str {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_stream = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/event-stream");
    if kind.is_some_and(is_stream) {
        "stream"
    } else {
        "answer"
    }
}

/// The label for routes of features that are not built: one series for all of them.
const UNBUILT: &str = "<not built>";

/// The label under which a route is counted. The routes of jobs have two addresses and are counted as
/// one: an operator who looks for the failures of jobs does not mean half of them. So are other routes
/// with two addresses.
pub fn path_label(template: &str) -> Cow<'_, str> {
    if unbuilt::is_unbuilt(template) {
        return Cow::Borrowed(UNBUILT);
    }
    let main = match template {
        "/api/connectors/marketplace/status" => "/api/connectors/status",
        "/api/connectors/jira/connect" => "/api/connectors/save",
        _ => template,
    };
    match main.strip_prefix("/api/navi/jobs") {
        Some(rest) => Cow::Owned(format!("/api/jobs{rest}")),
        None => Cow::Borrowed(main),
    }
}

/// Takes the time when it is dropped.
struct Timer {
    began: Instant,
    kind: &'static str,
    metrics: Metrics,
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.metrics
            .http_request_duration_seconds
            .with_label_values(&[self.kind])
            .observe(self.began.elapsed().as_secs_f64());
    }
}

/// The method, from a closed set: clients may invent methods. `HEAD` is answered by what answers `GET`.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
