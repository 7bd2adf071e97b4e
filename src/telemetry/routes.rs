//! HTTP routes of telemetry.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::principal::Principal;
use crate::platform::extract::Json;
use crate::platform::problem::Problem;
use crate::telemetry::error::Error;
use crate::telemetry::extract::BatchBody;
use crate::telemetry::model::{ChangedEvent, RejectedEvent};
use crate::telemetry::rows::user_agent;
use crate::telemetry::service::{IngestResult, Telemetry};

/// `Retry-After` of an overloaded server, in seconds.
const RETRY_OVERLOAD: u64 = 1;
/// `Retry-After` while the database is unavailable, in seconds.
const RETRY_DATABASE: u64 = 2;

/// The routes of this slice.
pub fn routes(telemetry: Telemetry) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(post_telemetry))
        .routes(routes!(get_health))
        .with_state(telemetry)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::BodyTooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", detail)
            }
            Error::Body(error) => error.into(),
            Error::TooManyEvents(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-events", detail)
            }
            Error::MediaType => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                detail,
            ),
            Error::Syntax(_) => Self::new(StatusCode::BAD_REQUEST, "invalid-request", detail),
            Error::Shape(_) | Error::BatchId => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
            }
            Error::NoneStored { .. } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "telemetry-rejected",
                detail,
            ),
            Error::Overloaded => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "telemetry-overloaded",
                detail,
            )
            .retry_after(RETRY_OVERLOAD),
            Error::RateLimited { seconds, .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", detail)
                    .retry_after(seconds)
            }
            Error::Unavailable => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "telemetry-unavailable",
                detail,
            )
            .retry_after(RETRY_DATABASE),
        }
    }
}

/// A batch of events. Fields that are not listed are stored with the event.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body, which is read event by event")]
struct TelemetryBatch {
    /// Events, at most 1000.
    #[schema(max_items = 1000)]
    events: Vec<TelemetryEvent>,
    /// Your id of the batch, 1 to 128 bytes. A batch sent again is stored once.
    #[schema(min_length = 1, max_length = 128)]
    batch_id: String,
    /// Time of sending, in milliseconds since 1970.
    timestamp: Option<i64>,
    /// Version of the client, for events without one.
    version: Option<String>,
    /// Client; `vscode` when absent.
    source: Option<String>,
}

/// An event of a client.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body, which is read event by event")]
struct TelemetryEvent {
    /// Type, such as `navi.error` or `navi.streaming.performance`; at most 128 characters.
    #[schema(max_length = 128)]
    r#type: String,
    /// Time in milliseconds since 1970; clamped to the last 30 days.
    timestamp: Option<f64>,
    /// Data. Secrets are redacted, strings truncated to 10000 characters, and data beyond 50000 bytes
    /// dropped.
    data: Option<serde_json::Map<String, serde_json::Value>>,
    /// Session of the client.
    session_id: Option<String>,
    /// Trace: 32 hexadecimal digits, or a whole `traceparent`.
    trace_id: Option<String>,
    /// Run.
    run_id: Option<String>,
    /// Version of the client.
    version: Option<String>,
    /// Folder; stored as a pseudonym.
    workspace_root: Option<String>,
}

/// The result of a batch.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct TelemetryAnswer {
    /// True if every event of the batch is stored.
    success: bool,
    /// Your id of the batch.
    batch_id: String,
    /// Number of events received.
    events_received: usize,
    /// Number of events stored by this request or an earlier one.
    events_persisted: usize,
    /// Rejected events.
    events_rejected: Vec<RejectedEvent>,
    /// Events that were changed for storage.
    events_changed: Vec<ChangedEvent>,
    /// Result in words.
    message: String,
}

impl TelemetryAnswer {
    fn of(result: IngestResult) -> Self {
        let IngestResult {
            persisted,
            received,
            repeated,
            ..
        } = result;
        let repeated = match repeated {
            0 => String::new(),
            repeated => format!("; {repeated} of them had been stored before"),
        };
        let replaced = if result.has_replaced_text {
            "; invalid Unicode was replaced"
        } else {
            ""
        };
        let message = format!("{persisted} of {received} events are stored{repeated}{replaced}");
        Self {
            success: persisted == received,
            batch_id: result.batch_id,
            events_received: received,
            events_persisted: persisted,
            events_rejected: result.rejected,
            events_changed: result.changed,
            message,
        }
    }
}

/// Report events, errors and measurements.
///
/// Events that the response counts as stored are on disk. A batch may be compressed with gzip or zstd
/// (`Content-Encoding`), and sent again if the response was lost.
#[utoipa::path(
    post, path = "/api/telemetry", tag = "telemetry",
    security(("bearer" = ["viewer"])),
    request_body = TelemetryBatch,
    responses(
        (status = 200, description = "The result of every event", body = TelemetryAnswer),
        (status = 400, description = "The body is not valid JSON, or not compressed as declared"),
        (status = 408, description = "The body was not sent in time"),
        (status = 413, description = "More than 1 MiB or more than 1000 events"),
        (status = 415, description = "The body is not declared as JSON, or has an unsupported encoding"),
        (status = 422, description = "The body is not a batch, or none of its events can be stored"),
        (status = 429, description = "The server is overloaded, or you are over the rate limit"),
        (status = 503, description = "The database is unavailable"),
    )
)]
async fn post_telemetry(
    State(telemetry): State<Telemetry>,
    principal: Principal,
    headers: HeaderMap,
    body: BatchBody,
) -> Result<Json<TelemetryAnswer>, Problem> {
    let agent = headers.get(header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok()).map(user_agent);
    let result = telemetry.ingest(&principal, agent, &body.bytes).await?;
    Ok(Json(TelemetryAnswer::of(result)))
}

/// Health of telemetry.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TelemetryHealth {
    /// `healthy`.
    status: &'static str,
    /// `telemetry`.
    service: &'static str,
}

/// Check that telemetry is accepted.
#[utoipa::path(
    get, path = "/api/telemetry/health", tag = "telemetry",
    responses(
        (status = 200, description = "Telemetry is accepted", body = TelemetryHealth),
        (status = 503, description = "The database is unavailable"),
    )
)]
async fn get_health(State(telemetry): State<Telemetry>) -> Result<Json<TelemetryHealth>, Problem> {
    if telemetry.is_unavailable() {
        return Err(Error::Unavailable.into());
    }
    Ok(Json(TelemetryHealth {
        status: "healthy",
        service: "telemetry",
    }))
}
