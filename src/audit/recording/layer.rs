//! Middleware that begins an entry before a request changes anything, and hands over its end after.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{MatchedPath, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::audit::error::Error;
use crate::audit::event::Event;
use crate::audit::model::{Actor, ActorKind, Ending, Log, NewEntry, Outcome};
use crate::audit::record::digest;
use crate::audit::recording::beginning::begun;
use crate::audit::recording::clearance::Clearance;
use crate::audit::recording::stream::RecordedBody;
use crate::audit::sealing::MAX_PAYLOAD_BYTES;
use crate::audit::service::Audit;
use crate::audit::spans::Spans;
use crate::auth::principal::{CredentialRefused, Principal};
use crate::platform::body::BodyError;
use crate::platform::hex::hex;
use crate::platform::json::{mended, strip_nul};
use crate::platform::logging::{RequestId, TraceId};
use crate::platform::problem::Problem;
use crate::platform::redact::json::redact_json;
use crate::platform::redact::text::redact_text;
use crate::platform::text::first_bytes;

/// The most of a body that is kept, in bytes; a larger one is described by its length alone.
const KEPT_BODY_BYTES: usize = MAX_PAYLOAD_BYTES / 2;
/// The longest resource that is kept, in bytes.
const MAX_RESOURCE_BYTES: usize = 256;

/// The changes made by a request, if its handler reports them: put into the answer's extensions.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The state before.
    pub before: Option<Value>,
    /// The state now.
    pub after: Option<Value>,
}

impl Changed {
    /// The difference between two views of a thing.
    pub fn between<T: Serialize>(before: Option<&T>, after: Option<&T>) -> Self {
        let value = |view: &T| serde_json::to_value(view).unwrap_or_default();
        Self {
            before: before.map(value),
            after: after.map(value),
        }
    }
}

/// The id of the resource that a request made, put into the answer's extensions.
#[derive(Clone, Debug)]
pub struct Made(pub String);

/// Routes whose requests come by the thousand and change little: they add what is a log itself, or give
/// out a ticket for what the person may read anyway. One entry covers those of a person for a minute.
const COVERED: &[&str] = &["/api/telemetry", "/api/auth/stream-ticket"];

/// Routes that cost as much as a change, whatever their method: a model reads what a folder holds.
const COSTLY: &[&str] = &["/api/navi/analyze-changes"];

/// Returns whether a request is recorded, and counts against the limit of its sender: it changes something,
/// or costs as much.
pub fn counts(request: &Request) -> bool {
    let route = request.extensions().get::<MatchedPath>();
    !request.method().is_safe() || route.is_some_and(|route| COSTLY.contains(&route.as_str()))
}

/// Writes requests into the log; cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {
    audit: Audit,
    spans: Spans,
}

impl Recorder {
    /// Writes into this log, and into the entries that cover many requests.
    pub fn new(audit: Audit, spans: Spans) -> Self {
        Self { audit, spans }
    }

    /// Runs a request under the entry that covers it. Its body is not kept.
    async fn cover<F: Future<Output = Response>>(
        &self,
        principal: &Principal,
        route: &str,
        request: Request,
        next: impl FnOnce(Request) -> F,
    ) -> Response {
        let method = request.method().as_str().to_owned();
        let entry = || NewEntry {
            method: Some(method),
            route: Some(route.to_owned()),
            ..NewEntry::new(
                Log::Org(principal.org_id.clone()),
                Event::HttpRequest,
                Actor::user(principal),
            )
        };
        let covered = match self.spans.cover(principal, route, entry).await {
            Ok(covered) => covered,
            Err(error) => return unavailable(&error).into_response(),
        };
        let response = next(request).await;
        covered.ended(response.status().as_u16());
        response
    }
}

fn covered_route(request: &Request) -> Option<String> {
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    COVERED.contains(&route).then(|| route.to_owned())
}

/// Writes every request that changes something, or costs as much, into the log of its organisation. When its beginning
/// cannot be written, the request does not run.
///
/// Stands behind authentication, so who asks is known, and behind the rate limit, whose refusals
/// change nothing.
pub async fn record<F: Future<Output = Response>>(
    recorder: &Recorder,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let principal = request.extensions().get::<Principal>().cloned();
    let (Some(principal), true) = (principal, counts(&request)) else {
        return next(request).await;
    };
    if let Some(route) = covered_route(&request) {
        return recorder.cover(&principal, &route, request, next).await;
    }
    let (parts, body) = request.into_parts();
    let (kept, body) = match first_of(body).await {
        Ok(read) => read,
        Err(error) => return Problem::from(error).into_response(),
    };
    let (parts, entry) = entry(parts, &principal, &kept).await;
    let answer = |clearance| {
        let mut request = Request::from_parts(parts, body);
        request.extensions_mut().insert::<Clearance>(clearance);
        next(request)
    };
    let (open, mut response) = match begun(&recorder.audit, entry, answer).await {
        Ok(begun) => begun,
        Err(error) => return unavailable(&error).into_response(),
    };
    let extensions = response.extensions_mut();
    let difference = extensions.remove::<Changed>();
    let made = extensions.remove::<Made>();
    let status = response.status().as_u16();
    let ending = Ending {
        outcome: Outcome::of_status(status),
        status: Some(status),
        resource: made.map(|made| made.0),
        payload: difference
            .map(|changed| redacted(json!({"before": changed.before, "after": changed.after}))),
    };
    if is_stream(&response) {
        return response.map(|body| Body::from_stream(RecordedBody::new(body, open, ending)));
    }
    // The answer does not wait for its record: readers of the log do.
    open.hand_over(ending).await;
    response
}

/// Returns whether an answer goes on after its beginning: its length is not known yet.
fn is_stream(response: &Response) -> bool {
    response.body().size_hint().exact().is_none()
}

fn unavailable(error: &Error) -> Problem {
    tracing::warn!(%error, "a request was refused, because it could not be audited");
    // Any other cause is for the operator to know.
    let shown = if let Error::Full = error {
        Error::Full
    } else if let Error::Closed = error {
        Error::Closed
    } else {
        Error::Unavailable
    };
    let (status, slug) = (StatusCode::SERVICE_UNAVAILABLE, "audit-unavailable");
    Problem::new(status, slug, shown.to_string()).retry_after(shown.seconds_to_wait())
}

async fn entry(mut parts: Parts, principal: &Principal, kept: &BodyStart) -> (Parts, NewEntry) {
    let log = Log::Org(principal.org_id.clone());
    let extensions = &parts.extensions;
    let route = extensions
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let request_id = extensions.get::<RequestId>().map(ToString::to_string);
    let trace_id = extensions.get::<TraceId>().map(|trace| trace.0.clone());
    let entry = NewEntry {
        method: Some(parts.method.as_str().to_owned()),
        route,
        request_id,
        trace_id,
        payload: Some(payload(&parts, kept)),
        ..NewEntry::new(log, Event::HttpRequest, Actor::user(principal))
    };
    let resource = resource(&mut parts).await;
    (parts, NewEntry { resource, ..entry })
}

/// The resource that the address names: the values of the route's parameters.
async fn resource(parts: &mut Parts) -> Option<String> {
    use axum::extract::FromRequestParts;
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    let values: Vec<&str> = params.iter().map(|(_, value)| value).collect();
    let joined = values.join("/");
    let resource = first_bytes(&joined, MAX_RESOURCE_BYTES);
    (!resource.is_empty()).then(|| strip_nul(&redact_text(resource)).into_owned())
}

fn payload(parts: &Parts, kept: &BodyStart) -> Value {
    let query: Vec<Value> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .map(|(name, value)| {
                let mut pair = serde_json::Map::new();
                pair.insert(name.into_owned(), Value::from(value.into_owned()));
                Value::Object(pair)
            })
            .collect();
    let mut payload = serde_json::Map::new();
    if !query.is_empty() {
        payload.insert("query".to_owned(), Value::Array(query));
    }
    if let Some(body) = kept.described(&parts.headers) {
        payload.insert("body".to_owned(), body);
    }
    redacted(Value::Object(payload))
}

fn redacted(mut value: Value) -> Value {
    redact_json(&mut value);
    value
}

/// The part of a body that was read before its request runs.
struct BodyStart {
    start: Vec<u8>,
    whole: bool,
}

impl BodyStart {
    /// The body as it is kept; nothing of an empty one.
    fn described(&self, headers: &HeaderMap) -> Option<Value> {
        if self.start.is_empty() {
            return None;
        }
        if !self.whole {
            let length = headers
                .get(header::CONTENT_LENGTH)
                .and_then(|length| length.to_str().ok());
            return Some(
                json!({"kept": false, "bytes": length.and_then(|l| l.parse::<u64>().ok())}),
            );
        }
        if let Ok(value) = serde_json::from_slice::<Value>(&mended(&self.start)) {
            return Some(value);
        }
        if let Ok(text) = std::str::from_utf8(&self.start) {
            return Some(Value::from(text));
        }
        let bytes = self.start.len();
        Some(json!({"kept": false, "bytes": bytes, "sha256": hex(&digest(&self.start))}))
    }
}

/// Reads what is kept of a body, and gives back a body that begins with it.
async fn first_of(body: Body) -> Result<(BodyStart, Body), BodyError> {
    let mut rest = body.into_data_stream();
    let mut kept = BodyStart {
        start: Vec::new(),
        whole: true,
    };
    let mut read: Vec<Bytes> = Vec::new();
    let mut length = 0;
    while let Some(chunk) = rest.next().await {
        let chunk = chunk.map_err(|error| BodyError::of(&error))?;
        length += chunk.len();
        read.push(chunk);
        if length > KEPT_BODY_BYTES {
            kept.whole = false;
            break;
        }
    }
    kept.start = read.concat();
    let body = if kept.whole {
        Body::from(kept.start.clone())
    } else {
        let read = stream::iter(read.into_iter().map(Ok));
        Body::from_stream(read.chain(rest))
    };
    Ok((kept, body))
}

/// The most refused tokens that are noted in a second; those beyond are only counted.
const FAILURES_PER_SECOND: u64 = 20;

/// Notes refused tokens, a bounded number of them in a second: a caller that sends many must not be able to
/// fill the disk.
#[derive(Clone, Debug)]
pub struct Failures(Arc<Bucket>);

#[derive(Debug)]
struct Bucket {
    audit: Audit,
    began: Instant,
    /// The second that is counted, and how many it had.
    second: AtomicU64,
    count: AtomicU64,
    suppressed: AtomicU64,
}

impl Failures {
    /// Notes them in the server's own log.
    pub fn new(audit: Audit) -> Self {
        Self(Arc::new(Bucket {
            audit,
            began: Instant::now(),
            second: AtomicU64::new(0),
            count: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
        }))
    }

    fn admits(&self) -> bool {
        let bucket = &self.0;
        let second = bucket.began.elapsed().max(Duration::ZERO).as_secs();
        if bucket.second.swap(second, Ordering::Relaxed) != second {
            bucket.count.store(0, Ordering::Relaxed);
        }
        bucket.count.fetch_add(1, Ordering::Relaxed) < FAILURES_PER_SECOND
    }
}

/// Notes requests whose token or ticket was refused. Requests without any are not: they try nothing; and
/// neither are tickets that were good a while ago: a page that connects again has nothing else.
pub async fn failed_logins<F: Future<Output = Response>>(
    failures: &Failures,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let method = request.method().clone();
    let extensions = request.extensions();
    let route = extensions.get::<MatchedPath>().cloned();
    let request_id = extensions.get::<RequestId>().cloned();
    let trace_id = extensions.get::<TraceId>().cloned();
    let with_token = request.headers().contains_key(header::AUTHORIZATION);
    let response = next(request).await;
    let was_refused = response.extensions().get::<CredentialRefused>().is_some();
    if response.status() != StatusCode::UNAUTHORIZED || !(with_token || was_refused) {
        return response;
    }
    if !failures.admits() {
        failures.0.suppressed.fetch_add(1, Ordering::Relaxed);
        return response;
    }
    let suppressed = failures.0.suppressed.swap(0, Ordering::Relaxed);
    let reason = response
        .extensions()
        .get::<Problem>()
        .map(|problem| problem.detail.clone());
    let entry = NewEntry {
        method: Some(method.as_str().to_owned()),
        route: route.map(|path| path.as_str().to_owned()),
        request_id: request_id.map(|id| id.to_string()),
        trace_id: trace_id.map(|trace| trace.0),
        payload: Some(json!({"reason": reason, "not_noted_before": suppressed})),
        ..NewEntry::new(
            Log::Server,
            Event::LoginFailed,
            Actor::nameless(ActorKind::Stranger),
        )
    };
    failures.0.audit.note_later(entry, Outcome::Refused);
    response
}
