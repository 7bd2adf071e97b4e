//! Pages in browsers (CORS): preflights are answered before anything else, and every answer to a
//! page that may read it says so.
//!
//! The layer of tower-http answers every `OPTIONS` request as a preflight and writes half of its
//! headers for pages that may read nothing; here those get none, and a preflight of theirs a problem
//! that names the setting.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::platform::origin::AllowedOrigins;
use crate::platform::problem::Problem;

/// The methods that pages may use: all that any route has.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// The headers of answers that pages may read, beside those that they may always read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "X-Request-Id, X-Error-Code, Retry-After, RateLimit, RateLimit-Policy, Idempotent-Replayed, \
     traceparent, Link, WWW-Authenticate, X-Content-Type-Options, Referrer-Policy, Cache-Control",
);
/// Seconds for which a preflight holds: as long as Chromium keeps one.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
/// The headers that the answer to a preflight depends on.
const VARY_OF_PREFLIGHTS: HeaderValue = HeaderValue::from_static(
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, \
     Access-Control-Request-Private-Network",
);
/// The header that every other answer depends on, also one to no page: it may be cached for one.
const VARY_OF_ANSWERS: HeaderValue = HeaderValue::from_static("Origin");
/// Asks whether a page of the internet may reach a server in a private network, or on this machine
/// (<https://wicg.github.io/private-network-access/>).
const REQUEST_PRIVATE_NETWORK: &str = "access-control-request-private-network";
const ALLOW_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");
/// The most headers that one preflight may ask for.
const MAX_REQUESTED_HEADERS: usize = 64;

/// True for the request in which a browser asks permission for a request of a page.
pub fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers preflights, and tells browsers which pages may read an answer.
pub async fn cors<F: Future<Output = Response>>(
    allowed: &AllowedOrigins,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let page = page(allowed, request.headers());
    if is_preflight(&request) {
        let mut response = preflight(page, request.headers());
        response.headers_mut().append(VARY, VARY_OF_PREFLIGHTS);
        return response;
    }
    let mut response = next(request).await;
    let headers = response.headers_mut();
    headers.append(VARY, VARY_OF_ANSWERS);
    if let Some(origin) = page {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

/// The origin of the page that asks, if it is one that may read answers.
fn page(allowed: &AllowedOrigins, headers: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = origins.next()?;
    let is_one = origins.next().is_none();
    let is_allowed = origin.to_str().is_ok_and(|origin| allowed.allow(origin));
    (is_one && is_allowed).then(|| origin.clone())
}

fn preflight(page: Option<HeaderValue>, asked: &HeaderMap) -> Response {
    let Some(origin) = page else {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "origin-not-allowed",
            "pages of this origin may not read answers; CORS_ORIGINS lists those that may, and in \
             development ALLOW_DEV_CORS=true admits those of this machine",
        )
        .into_response();
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    if let Some(names) = requested_headers(asked) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    if asked
        .get(REQUEST_PRIVATE_NETWORK)
        .is_some_and(|asks| asks == "true")
    {
        headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    response
}

/// The headers that a page wants to send, all of which it may: none but `Authorization` gives a
/// right, and a page that a library adds its trace to should not fail for it.
fn requested_headers(asked: &HeaderMap) -> Option<HeaderValue> {
    let value = asked.get(ACCESS_CONTROL_REQUEST_HEADERS)?;
    let mut names = value.to_str().ok()?.split(',').map(str::trim);
    let is_name = |name: &str| HeaderName::from_bytes(name.as_bytes()).is_ok();
    let all_names = names.clone().all(is_name);
    (all_names && names.nth(MAX_REQUESTED_HEADERS).is_none()).then(|| value.clone())
}
