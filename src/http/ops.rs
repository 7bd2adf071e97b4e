//! Routes for operators: health, version, metrics, the description of the API.
//!
//! All of it is public and none of it reveals more than a state and a version. Nothing here opens
//! a connection or waits.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::platform::extract::Json;
use crate::platform::health::{Health, Report};
use crate::platform::problem::Problem;

/// The routes that operators use.
pub fn routes(app: &App) -> OpenApiRouter {
    let health = OpenApiRouter::new()
        .routes(routes!(get_live))
        .routes(routes!(get_ready))
        .routes(routes!(get_startup))
        .with_state(app.health.clone());
    OpenApiRouter::new()
        .routes(routes!(get_health))
        .routes(routes!(get_health_fast))
        .routes(routes!(get_ping))
        .routes(routes!(get_version))
        .routes(routes!(get_metrics))
        .with_state(Arc::new(app.clone()))
        .merge(health)
}

fn answer(report: Report) -> Response {
    let status = if report.ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(report)).into_response()
}

/// Says whether the process runs.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "operations",
    responses((status = 200, description = "the process runs", body = Report)),
)]
async fn get_live(State(health): State<Health>) -> Response {
    answer(health.live())
}

/// Says whether the process should be sent requests.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "operations",
    responses(
        (status = 200, description = "ready", body = Report),
        (status = 503, description = "not ready; the checks say why", body = Report),
    ),
)]
async fn get_ready(State(health): State<Health>) -> Response {
    answer(health.ready())
}

/// Says whether the process has been ready once.
#[utoipa::path(
    get,
    path = "/health/startup",
    tag = "operations",
    responses(
        (status = 200, description = "started", body = Report),
        (status = 503, description = "starting; the checks say why", body = Report),
    ),
)]
async fn get_startup(State(health): State<Health>) -> Response {
    answer(health.startup())
}

/// A sign of life in the shape that old clients read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Status {
    /// Always `ok`.
    status: &'static str,
    /// Always `navi`.
    service: &'static str,
}

const STATUS: Status = Status {
    status: "ok",
    service: "navi",
};

/// A sign of life, for old clients.
#[utoipa::path(
    get,
    path = "/health",
    tag = "operations",
    responses((status = 200, description = "the process runs", body = Status)),
)]
async fn get_health() -> Json<Status> {
    Json(STATUS)
}

/// A sign of life, for old clients.
#[utoipa::path(
    get,
    path = "/health-fast",
    tag = "operations",
    responses((status = 200, description = "the process runs", body = Status)),
)]
async fn get_health_fast() -> Json<Status> {
    Json(STATUS)
}

/// Answers `pong`.
#[utoipa::path(
    get,
    path = "/ping",
    tag = "operations",
    responses((status = 200, description = "the text `pong`", body = String, content_type = "text/plain")),
)]
async fn get_ping() -> &'static str {
    "pong"
}

/// The running program.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Version)]
struct About {
    /// Always `navi`.
    name: &'static str,
    /// `development`, `staging` or `production`.
    env: &'static str,
    /// The version of the program.
    version: &'static str,
}

/// Says what runs here.
#[utoipa::path(
    get,
    path = "/version",
    tag = "operations",
    responses((status = 200, description = "name, environment and version", body = About)),
)]
async fn get_version(State(app): State<Arc<App>>) -> Json<About> {
    Json(About {
        name: "navi",
        env: app.config.app_env.as_str(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Every metric of this process.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((
        status = 200,
        description = "metrics in the Prometheus text format, version 0.0.4",
        body = String,
        content_type = "text/plain"
    )),
)]
async fn get_metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    show_state(&app);
    let text = app
        .metrics
        .render()
        .map_err(|error| Problem::internal(&error))?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Sets the metrics that are looked up when they are asked for.
fn show_state(app: &App) {
    let metrics = &app.metrics;
    let (idle, open) = app.db.count();
    for (state, count) in [("idle", idle), ("used", open.saturating_sub(idle))] {
        metrics
            .navi_db_connections
            .with_label_values(&[state])
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    let waiting = i64::from(app.db.count_waiting());
    metrics.navi_db_waiting_callers.set(waiting);
    let (reading, waiting) = app.db.count_reading();
    metrics.navi_db_reading_connections.set(i64::from(reading));
    metrics.navi_db_waiting_readers.set(i64::from(waiting));
    let report = app.health.ready();
    metrics.navi_ready.set(i64::from(report.ok));
    for check in &report.checks {
        metrics
            .navi_health_check_ok
            .with_label_values(&[check.name])
            .set(i64::from(check.ok));
    }
    let wall = app.agent.deps().tools.launch.sandbox.tier().as_str();
    let about = [env!("CARGO_PKG_VERSION"), app.config.app_env.as_str(), wall];
    metrics.navi_info.with_label_values(&about).set(1);
}
