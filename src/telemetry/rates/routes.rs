//! HTTP routes of event rates and metrics.

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
            Error::TimeRange(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
            }
            Error::Database(error) => Self::internal(&error),
        }
    }
}

/// Filter of event rates.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct RatesQuery {
    /// Start of the range, RFC 3339; the last 24 hours or 14 days when absent.
    since: Option<DateTime<Utc>>,
    /// End of the range, RFC 3339; now when absent.
    until: Option<DateTime<Utc>>,
    /// Event type.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Version of the client; empty for unknown versions.
    version: Option<String>,
    /// Length of the periods: hours, 744 at most, or days in UTC, 400 at most.
    #[serde(default)]
    #[param(inline)]
    by: Period,
}

/// Event rates of a time range.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Rates)]
struct RatesView {
    /// Length of the periods.
    by: Period,
    /// Starts of the periods.
    times: Vec<DateTime<Utc>>,
    /// Series, those with the most events first; at most 50.
    series: Vec<Series>,
    /// Number of series left out.
    left_out: i64,
}

/// Event rates of the clients of your organisation, by type and version.
#[utoipa::path(
    get, path = "/api/telemetry/rates", tag = "telemetry",
    security(("bearer" = ["viewer"])),
    params(RatesQuery),
    responses(
        (status = 200, description = "The rates", body = RatesView),
        (status = 422, description = "The time range is not valid"),
    )
)]
async fn get_rates(
    State(rates): State<RateService>,
    principal: Principal,
    Query(query): Query<RatesQuery>,
) -> Result<Json<RatesView>, Problem> {
    let range = rates.range(query.since, query.until, query.by)?;
    let filter = RateFilter {
        event_type: query.event_type,
        version: query.version,
    };
    let found = rates.rates(&principal, &filter, range).await?;
    Ok(Json(RatesView {
        by: range.by,
        times: range.times(),
        series: found.series,
        left_out: found.left_out,
    }))
}

/// Filter of metrics.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct PerformanceQuery {
    /// Start of the range, RFC 3339; the last 24 hours or 14 days when absent.
    since: Option<DateTime<Utc>>,
    /// End of the range, RFC 3339; now when absent.
    until: Option<DateTime<Utc>>,
    /// Metric.
    metric: Option<String>,
    /// Length of the periods: hours, 744 at most, or days in UTC, 400 at most.
    #[serde(default)]
    #[param(inline)]
    by: Period,
}

/// Metrics of a time range.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Performance)]
struct PerformanceView {
    /// Length of the periods.
    by: Period,
    /// Metrics, by name; the 20 with the most samples.
    metrics: Vec<Metric>,
    /// Number of metrics left out.
    left_out: i64,
}

/// Distributions of the metrics that the clients of your organisation measured.
#[utoipa::path(
    get, path = "/api/telemetry/performance", tag = "telemetry",
    security(("bearer" = ["viewer"])),
    params(PerformanceQuery),
    responses(
        (status = 200, description = "The distributions", body = PerformanceView),
        (status = 422, description = "The time range is not valid"),
    )
)]
async fn get_performance(
    State(rates): State<RateService>,
    principal: Principal,
    Query(query): Query<PerformanceQuery>,
) -> Result<Json<PerformanceView>, Problem> {
    let range = rates.range(query.since, query.until, query.by)?;
    let metric = query.metric.as_deref();
    let found = rates.performance(&principal, metric, range).await?;
    Ok(Json(PerformanceView {
        by: range.by,
        metrics: found.metrics,
        left_out: found.left_out,
    }))
}
