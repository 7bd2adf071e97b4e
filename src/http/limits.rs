//! Limits of a request: time, size, rate; and the answers to requests that match nothing.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, sleep};

use crate::audit::recording::layer::counts;
use crate::auth::principal::Principal;
use crate::auth::rate_limit::RateLimiter;
use crate::http::patience::pace::{Pace, Waiting};
use crate::platform::extract::discard;
use crate::platform::problem::Problem;
use crate::platform::redact::text::redact_text;
use crate::platform::tasks::panic_text;

/// The largest body of a route that does not say otherwise, in bytes.
pub const DEFAULT_BODY_BYTES: usize = 1024 * 1024;
/// The largest body of the agent's routes, which carry files and images, in bytes.
pub const AGENT_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The time in which an answer must begin. A stream begins at once and may then last.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(30);
/// The least time between two looks at the clock while a body is waited for.
const LEAST_WAIT: Duration = Duration::from_millis(100);
/// Routes that answer only when a model has.
const PATIENT: &[(&str, Duration)] = &[
    ("/api/navi/chat", Duration::from_mins(10)),
    ("/api/navi/plan", Duration::from_mins(10)),
    (REVIEW, Duration::from_mins(10)),
];
/// Asks a model whatever the method, so that reading it costs as much as changing something.
const REVIEW: &str = "/api/navi/analyze-changes";

/// Answers for a handler that did not begin to in time; what it was doing is dropped, and with it
/// a transaction that was open. The time in which it waited for the request's body does not count:
/// that has a limit of its own.
pub async fn deadline<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let patience = request
        .extensions()
        .get::<MatchedPath>()
        .and_then(|route| {
            let found = PATIENT.iter().find(|(path, _)| *path == route.as_str());
            found.map(|(_, patience)| *patience)
        })
        .unwrap_or(DEFAULT_PATIENCE);
    let waiting = Waiting::new(Pace::ALLOWED);
    let request = request.map(|body| waiting.for_body(body));
    let mut response = within(patience, &waiting, next(request)).await;
    if waiting.is_over() || response.status() == StatusCode::REQUEST_TIMEOUT {
        // The rest of the body is not read.
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The answer, or a problem when it takes longer than `patience` and the time that is spent waiting
/// for the client.
pub async fn within(
    patience: Duration,
    waiting: &Waiting,
    answer: impl Future<Output = Response>,
) -> Response {
    let began = Instant::now();
    let expired = async {
        loop {
            let left = (patience + waiting.total()).saturating_sub(began.elapsed());
            if left.is_zero() {
                return;
            }
            sleep(left.max(LEAST_WAIT)).await;
        }
    };
    tokio::select! {
        biased;
        response = answer => response,
        () = expired => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "request-timed-out",
            format!(
                "no answer within {} s; try again",
                patience.as_secs()
            ),
        )
        .retry_after(5)
        .into_response(),
    }
}

/// The message of a handler's panic, without secrets: in the extensions of the answer.
#[derive(Clone, Debug)]
pub struct Panicked(pub String);

/// Answers for a handler that panicked. The panic's text stays in the log.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer hands over what was caught"
)]
pub fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let text = panic_text(&*payload);
    tracing::error!(panic = text, "a handler panicked");
    let mut response = Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "something failed on the server; the request id finds it in the server's log",
    )
    .into_response();
    let panicked = Panicked(redact_text(text).into_owned());
    response.extensions_mut().insert(panicked);
    response
}

/// Answers a method that a route does not have; the header `Allow` names those it has.
pub async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "method not allowed; the header Allow lists the allowed methods",
    )
}

/// Where tickets for streams are given out, which are counted by themselves: a page that connects again
/// and again does not keep its user from working.
const TICKETS: &str = "/api/auth/stream-ticket";
/// The routes that clients send telemetry to. They have a limit of their own, so that a client that
/// reports much is not kept from working.
const TELEMETRY: &str = "/api/telemetry";
/// The routes that ratings are sent to. They have a limit of their own: ratings influence the answers of
/// other users, so one person should not be able to send as many as of other requests.
const FEEDBACK: &str = "/api/feedback/";

/// The rate limits of one principal, by kind of request.
#[derive(Clone, Debug)]
pub struct Rates {
    /// Everything but what has a limit of its own.
    pub writes: Arc<RateLimiter>,
    /// Tickets for streams.
    pub tickets: Arc<RateLimiter>,
    /// Batches of telemetry.
    pub telemetry: Arc<RateLimiter>,
    /// Ratings, and whatever else is done about feedback.
    pub feedback: Arc<RateLimiter>,
}

impl Rates {
    /// The limit of a request, its name, and what it counts.
    fn of(&self, request: &Request) -> (&'static str, &'static str, &RateLimiter) {
        let route = request.extensions().get::<MatchedPath>();
        match route.map_or("", MatchedPath::as_str) {
            TICKETS => ("tickets", "tickets", &self.tickets),
            TELEMETRY => ("telemetry", "batches", &self.telemetry),
            route if route.starts_with(FEEDBACK) => {
                ("feedback", "requests about feedback", &self.feedback)
            }
            _ => ("writes", "changing requests", &self.writes),
        }
    }
}

/// Slows down a principal who changes things faster than the limit. Reading is free, unless a model is
/// asked for it.
///
/// The headers are those of the IETF's `RateLimit` draft: a policy, and the rest of the allowance.
pub async fn rate<F: Future<Output = Response>>(
    rates: &Rates,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let counts = counts(&request);
    let (name, what, limiter) = rates.of(&request);
    let wait = match request.extensions().get::<Principal>() {
        Some(principal) if counts => limiter.check(principal),
        _ => None,
    };
    let Some(wait) = wait else {
        return next(request).await;
    };
    discard(request.into_body()).await;
    let mut response = Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "rate-limited",
        format!(
            "more than {} {what} in a minute; wait {wait} s",
            limiter.per_minute(),
        ),
    )
    .retry_after(wait)
    .into_response();
    let headers = [
        (
            "ratelimit-policy",
            format!("\"{name}\";q={};w=60", limiter.per_minute()),
        ),
        ("ratelimit", format!("\"{name}\";r=0;t={wait}")),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            let name = HeaderName::from_static(name);
            response.headers_mut().insert(name, value);
        }
    }
    response
}
