//! RFC 9457 responses; the one place that logs a 500.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::schema::RefBuilder;
use utoipa::openapi::{RefOr, Schema};

use crate::platform::database::refusal::{is_full, is_no_room, is_unreachable};
use crate::platform::database::storage::STORES_NOTHING;
use crate::platform::page::BadCursor;
use crate::platform::redact::text::redact_text;

/// The component of the API's description that lists every code; the description is made where all are known.
pub const ERROR_CODE: &str = "ErrorCode";

/// An error as HTTP shows it: `application/problem+json` with the members old clients read
/// (`detail`, `error_code`, `request_id`) and the header `X-Error-Code`.
///
/// `request_id` is filled in by the middleware that knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "type": "/problems/job-not-found",
    "title": "Not Found",
    "status": 404,
    "detail": "job `01a20726-d234-78ba-afff-0228cde00a5d` not found",
    "error_code": "JOB_NOT_FOUND",
    "request_id": "01a20726-d234-78ba-afff-0228cde00a5e",
}))]
pub struct Problem {
    /// A URI reference that names the kind of problem, `/problems/<slug>`.
    #[serde(rename = "type")]
    #[schema(rename = "type")]
    pub kind: String,
    /// The status' standard phrase.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// The problem and its remedy, for a person.
    pub detail: String,
    /// The machine-readable code, in capitals.
    #[schema(schema_with = error_code)]
    pub error_code: String,
    /// The request this answers; also in the header `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The cause, for operators; never shown.
    #[serde(skip)]
    pub cause: Option<String>,
    /// Seconds after which trying again makes sense; also in the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// One of the codes in `docs/errors.md`, in the description of the API.
pub fn error_code() -> RefOr<Schema> {
    RefOr::Ref(
        RefBuilder::new()
            .ref_location_from_schema_name(ERROR_CODE)
            .description(Some("The machine-readable code; see `docs/errors.md`."))
            .build(),
    )
}

impl Problem {
    /// A problem of a kind: `slug` in lower case with hyphens, listed in `docs/errors.md`.
    pub fn new(status: StatusCode, slug: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{slug}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            // It may repeat text of a client or another system.
            detail: redact_text(&detail.into()).into_owned(),
            error_code: slug.replace('-', "_").to_ascii_uppercase(),
            request_id: None,
            cause: None,
            retry_after: None,
        }
    }

    /// A failure of ours: logged here, once, and shown without its cause.
    ///
    /// A database that has no connection left, cannot be reached, or has no room, passes, so that is said, and
    /// when to come again.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let no_connection = if has_no_connection(error) {
            Some("every connection to the database is in use")
        } else if is_out_of_reach(error) {
            Some("the database cannot be reached")
        } else {
            None
        };
        if let Some(detail) = no_connection {
            tracing::warn!(%error, "a request got no connection to the database");
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "database-busy", detail)
                .retry_after(5);
        }
        if stores_nothing(error) {
            tracing::error!(%error, "a request failed, because the database cannot store anything");
            let detail = format!("{STORES_NOTHING}; try again once there is room");
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "database-full", detail)
                .retry_after(30);
        }
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        tracing::error!(error = %error, causes = ?causes, "a request failed on our side");
        let all = std::iter::once(error.to_string()).chain(causes);
        let cause = all.collect::<Vec<_>>().join(": ");
        Self {
            cause: Some(redact_text(&cause).into_owned()),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "something failed on the server; the request id finds it in the server's log",
            )
        }
    }

    /// The same problem, saying when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// True if this is, in the end, a request that waited in vain for a connection.
fn has_no_connection(error: &(dyn std::error::Error + 'static)) -> bool {
    of_database(error)
        .is_some_and(|error| matches!(error, sqlx::Error::PoolTimedOut) || is_no_room(error))
}

/// True if this is, in the end, a connection that could not be made, so that nothing was asked of the database.
fn is_out_of_reach(error: &(dyn std::error::Error + 'static)) -> bool {
    of_database(error).is_some_and(is_unreachable)
}

/// True if this is, in the end, a database without room.
fn stores_nothing(error: &(dyn std::error::Error + 'static)) -> bool {
    of_database(error).is_some_and(is_full)
}

/// The error of the database below this one.
fn of_database<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a sqlx::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<sqlx::Error>() {
            return Some(error);
        }
        next = error.source();
    }
    None
}

impl From<BadCursor> for Problem {
    fn from(error: BadCursor) -> Self {
        let detail = error.to_string();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Ok(code) = HeaderValue::from_str(&self.error_code) {
            headers.insert("x-error-code", code);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // The middleware adds the request id to the body; it finds the problem here.
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("a slice failed")]
    struct Wrapped(#[source] sqlx::Error);

    #[test]
    fn a_database_without_a_connection_left_passes() {
        let busy = Problem::internal(&Wrapped(sqlx::Error::PoolTimedOut));
        assert_eq!((busy.status, busy.retry_after), (503, Some(5)));
        let failed = Problem::internal(&Wrapped(sqlx::Error::RowNotFound));
        assert_eq!((failed.status, failed.retry_after), (500, None));
    }
}
