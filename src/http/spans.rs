//! Spans of requests, by the conventions for HTTP servers. The requested address is no part of them: the
//! route's template names the request, and the rest is for the handler alone.

use axum::body::Body;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{Method, Version, header};
use axum::response::Response;
use http_body_util::BodyExt;

use crate::http::measure::{PROBES, UNMATCHED};
use crate::platform::traces::context::TraceSpan;
use crate::platform::traces::parent::TraceParent;
use crate::platform::traces::service::Traces;

/// Begins the span of a request to this route. Probes, scrapes and preflights have none: they are many
/// and say nothing.
pub(super) fn begin(
    traces: &Traces,
    request: &Request,
    route: &str,
    parent: Option<TraceParent>,
) -> TraceSpan {
    if PROBES.contains(&route) || request.method() == Method::OPTIONS {
        return TraceSpan::default();
    }
    let at = traces.after(parent);
    if !at.is_there() {
        return TraceSpan::default();
    }
    let method = known_method(request.method());
    let span = if route == UNMATCHED {
        at.serve(method.unwrap_or("HTTP"))
    } else {
        at.serve(format!("{} {route}", method.unwrap_or("HTTP")))
    };
    span.set("http.request.method", method.unwrap_or("_OTHER"));
    if route != UNMATCHED {
        span.set("http.route", route.to_owned());
    }
    span.set("url.scheme", "http");
    if let Some(version) = version(request.version()) {
        span.set("network.protocol.version", version);
    }
    if let Some(host) = host(request) {
        span.set("server.address", host.host().to_owned());
        if let Some(port) = host.port_u16() {
            span.set("server.port", i64::from(port));
        }
    }
    span
}

/// Says how a request was answered. The span ends with the last byte of the answer, or when its reader
/// goes away.
pub(super) fn answered(span: TraceSpan, response: Response) -> Response {
    if !span.is_there() {
        return response;
    }
    let status = response.status();
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail(status.as_u16().to_string());
    }
    response.map(|body| {
        // The closure owns the span, which ends when the body is dropped.
        Body::new(body.inspect_frame(move |_| {
            let _ = &span;
        }))
    })
}

/// The method, if it is one that everybody knows.
fn known_method(method: &Method) -> Option<&'static str> {
    Some(match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => return None,
    })
}

fn version(version: Version) -> Option<&'static str> {
    Some(match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        _ => return None,
    })
}

fn host(request: &Request) -> Option<Authority> {
    let host = request.headers().get(header::HOST)?;
    Authority::try_from(host.as_bytes()).ok()
}
