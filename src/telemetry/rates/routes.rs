//! Rates and measurements over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::principal::Principal;
use crate::platform::extract::{Json, Query};
use crate::platform::problem::Problem;
use crate::telemetry::rates::error::Error;
use crate::telemetry::rates::model::{Metric, Period, RateFilter, Series};
use crate::telemetry::rates::service::RateService;

/// The routes of this slice.
pub fn routes(rates: RateService) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(get_rates))
        .routes(routes!(get_performance))
        .with_state(rates)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Span(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
            }
            Error::Database(error) => Self::internal(&error),
        }
    }
}

/// Which rates.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct RatesQuery {
    /// From when on, RFC 3339; the last 24 hours or 14 days when absent.
    since: Option<DateTime<Utc>>,
    /// Until when, RFC 3339; now when absent.
    until: Option<DateTime<Utc>>,
    /// Events of this type alone.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Events from clients of this version alone; of those that did not say when empty.
    version: Option<String>,
    /// What is added up: hours, 744 at most, or days in UTC, 400 at most.
    #[serde(default)]
    #[param(inline)]
    by: Period,
}

/// The rates of a span.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Rates)]
struct RatesView {
    /// What is added up.
    by: Period,
    /// When each period begins.
    times: Vec<DateTime<Utc>>,
    /// The series, those with the most events first; at most 50.
    series: Vec<Series>,
    /// How many series are left out.
    left_out: i64,
}

/// How often the clients of your organisation reported events, by type and version.
#[utoipa::path(
    get, path = "/api/telemetry/rates", tag = "telemetry",
    security(("bearer" = ["viewer"])),
    params(RatesQuery),
    responses(
        (status = 200, description = "The rates", body = RatesView),
        (status = 422, description = "No such span"),
    )
)]
async fn get_rates(
    State(rates): State<RateService>,
    principal: Principal,
    Query(query): Query<RatesQuery>,
) -> Result<Json<RatesView>, Problem> {
    let span = rates.span(query.since, query.until, query.by)?;
    let filter = RateFilter {
        event_type: query.event_type,
        version: query.version,
    };
    let found = rates.rates(&principal, &filter, span).await?;
    Ok(Json(RatesView {
        by: span.by,
        times: span.times(),
        series: found.series,
        left_out: found.left_out,
    }))
}

/// Which measurements.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct PerformanceQuery {
    /// From when on, RFC 3339; the last 24 hours or 14 days when absent.
    since: Option<DateTime<Utc>>,
    /// Until when, RFC 3339; now when absent.
    until: Option<DateTime<Utc>>,
    /// This metric alone.
    metric: Option<String>,
    /// What is added up: hours, 744 at most, or days in UTC, 400 at most.
    #[serde(default)]
    #[param(inline)]
    by: Period,
}

/// What was measured in a span.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Performance)]
struct PerformanceView {
    /// What is added up.
    by: Period,
    /// The metrics, by name; the 20 with the most samples.
    metrics: Vec<Metric>,
    /// How many metrics are left out.
    left_out: i64,
}

/// How what the clients of your organisation measured was distributed.
#[utoipa::path(
    get, path = "/api/telemetry/performance", tag = "telemetry",
    security(("bearer" = ["viewer"])),
    params(PerformanceQuery),
    responses(
        (status = 200, description = "The distributions", body = PerformanceView),
        (status = 422, description = "No such span"),
    )
)]
async fn get_performance(
    State(rates): State<RateService>,
    principal: Principal,
    Query(query): Query<PerformanceQuery>,
) -> Result<Json<PerformanceView>, Problem> {
    let span = rates.span(query.since, query.until, query.by)?;
    let metric = query.metric.as_deref();
    let found = rates.performance(&principal, metric, span).await?;
    Ok(Json(PerformanceView {
        by: span.by,
        metrics: found.metrics,
        left_out: found.left_out,
    }))
}
