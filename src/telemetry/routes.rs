//! Telemetry over HTTP.

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
use crate::telemetry::model::{Change, Rejected};
use crate::telemetry::rows::user_agent;
use crate::telemetry::service::{Taken, Telemetry};

/// Seconds after which a batch that found no room may be sent again.
const RETRY_OVERLOAD: u64 = 1;
/// Seconds after which a database that is away may be tried again.
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
            Error::TooManyOfYours { seconds, .. } => {
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

/// What clients report. Fields that are not listed are kept with the event.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body, which is read event by event")]
struct TelemetryBatch {
    /// At most 1000.
    #[schema(max_items = 1000)]
    events: Vec<TelemetryEvent>,
    /// Your name for this batch, 1 to 128 bytes. Sent again, it is stored once.
    #[schema(min_length = 1, max_length = 128)]
    batch_id: String,
    /// When you sent it, in milliseconds since 1970.
    timestamp: Option<i64>,
    /// Your version, for the events that do not say.
    version: Option<String>,
    /// Which client you are; `vscode` when absent.
    source: Option<String>,
}

/// Something that happened at a client.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body, which is read event by event")]
struct TelemetryEvent {
    /// What happened, such as `navi.error` or `navi.streaming.performance`; at most 128 characters.
    #[schema(max_length = 128)]
    r#type: String,
    /// When, in milliseconds since 1970; brought into the last 30 days.
    timestamp: Option<f64>,
    /// What else is to be said. Secrets are taken out, long strings cut after 10000 characters, and
    /// what goes beyond 50000 bytes left out.
    data: Option<serde_json::Map<String, serde_json::Value>>,
    /// Your session.
    session_id: Option<String>,
    /// The trace that it belongs to: 32 hexadecimal digits, or a whole `traceparent`.
    trace_id: Option<String>,
    /// The run that it belongs to.
    run_id: Option<String>,
    /// Your version.
    version: Option<String>,
    /// A folder; kept as a pseudonym.
    workspace_root: Option<String>,
}

/// What was done to an event so that it could be kept.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ChangedEvent {
    /// Its place in the batch, from 0.
    index: usize,
    /// What was done.
    changes: Vec<Change>,
}

/// What became of a batch.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct TelemetryAnswer {
    /// Whether every event of the batch is stored.
    success: bool,
    /// Your name for it.
    batch_id: String,
    /// How many events it has.
    events_received: usize,
    /// How many of them are stored, now or since you sent the batch before.
    events_persisted: usize,
    /// Those that are not, and why.
    events_rejected: Vec<Rejected>,
    /// Those that were changed so that they could be stored.
    events_changed: Vec<ChangedEvent>,
    /// The same in words.
    message: String,
}

impl TelemetryAnswer {
    fn of(taken: Taken) -> Self {
        let Taken {
            persisted,
            received,
            before,
            ..
        } = taken;
        let repeated = match before {
            0 => String::new(),
            before => format!("; {before} of them were before"),
        };
        let replaced = if taken.has_replaced_text {
            "; what is no Unicode text was replaced"
        } else {
            ""
        };
        let message = format!("{persisted} of {received} events are stored{repeated}{replaced}");
        let changed = taken.changed.into_iter();
        Self {
            success: persisted == received,
            batch_id: taken.batch_id,
            events_received: received,
            events_persisted: persisted,
            events_rejected: taken.rejected,
            events_changed: changed
                .map(|(index, changes)| ChangedEvent { index, changes })
                .collect(),
            message,
        }
    }
}

/// Report events, errors and measurements.
///
/// What the answer calls stored is on disk. A batch may be packed with gzip or zstd
/// (`Content-Encoding`), and sent again when its answer was lost.
#[utoipa::path(
    post, path = "/api/telemetry", tag = "telemetry",
    security(("bearer" = ["viewer"])),
    request_body = TelemetryBatch,
    responses(
        (status = 200, description = "What became of every event", body = TelemetryAnswer),
        (status = 400, description = "It is no JSON, or was not packed as declared"),
        (status = 408, description = "The body was not sent in time"),
        (status = 413, description = "More than 1 MiB or more than 1000 events"),
        (status = 415, description = "Not declared as JSON, or packed otherwise"),
        (status = 422, description = "It is no batch, or no event of it can be stored"),
        (status = 429, description = "More comes than can be stored, or than you may send"),
        (status = 503, description = "The database does not answer"),
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
    let taken = telemetry.take(&principal, agent, &body.bytes).await?;
    Ok(Json(TelemetryAnswer::of(taken)))
}

/// Whether telemetry is taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TelemetryHealth {
    /// `healthy`, or `degraded` while the database does not answer.
    status: &'static str,
    /// `telemetry`.
    service: &'static str,
}

/// Whether telemetry is taken.
#[utoipa::path(
    get, path = "/api/telemetry/health", tag = "telemetry",
    responses(
        (status = 200, description = "It is", body = TelemetryHealth),
        (status = 503, description = "The database does not answer"),
    )
)]
async fn get_health(State(telemetry): State<Telemetry>) -> Result<Json<TelemetryHealth>, Problem> {
    if telemetry.is_away() {
        return Err(Error::Unavailable.into());
    }
    Ok(Json(TelemetryHealth {
        status: "healthy",
        service: "telemetry",
    }))
}
