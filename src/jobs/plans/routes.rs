//! Plans over HTTP.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::recording::layer::Made;
use crate::auth::principal::Principal;
use crate::jobs::plans::following::next;
use crate::jobs::plans::request::PlanRequest;
use crate::jobs::plans::service::Plans;
use crate::jobs::plans::view::{NextAnswer, PlanAnswer};
use crate::platform::extract::Json;
use crate::platform::idempotency::extract::Creation;
use crate::platform::idempotency::model::Created;
use crate::platform::logging::TraceId;
use crate::platform::problem::Problem;

/// The routes of this slice.
pub fn routes(plans: Plans) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(make_plan))
        .routes(routes!(do_plan))
        .with_state(plans)
}

/// Make a plan, and do nothing yet.
///
/// The plan is kept as a job that waits to be started, for a week. With an `Idempotency-Key` the same request
/// makes one plan, however often it is sent.
#[utoipa::path(
    post, path = "/api/navi/plan", tag = "agent", request_body = PlanRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "The request's idempotency key")),
    responses(
        (status = 200, description = "The plan", body = PlanAnswer),
        (status = 400, description = "No model is available for the request"),
        (status = 404, description = "Conversation or workspace not found"),
        (status = 409, description = "A request with this key is in progress"),
        (status = 422, description = "The request is not valid"),
        (status = 502, description = "The model failed"),
        (status = 503, description = "The model or this server is busy"),
    )
)]
async fn make_plan(
    State(plans): State<Plans>,
    principal: Principal,
    Extension(trace_id): Extension<TraceId>,
    Creation { body, key }: Creation<PlanRequest>,
) -> Result<(Option<Extension<Made>>, Created<PlanAnswer>), Problem> {
    let created = plans.make(&principal, trace_id, body, key.as_ref()).await?;
    let made = created.id("/session_id").map(|id| Extension(Made(id)));
    Ok((made, created))
}

/// The plan to carry out.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct NextRequest {
    /// The `session_id` of a plan.
    session_id: Option<String>,
    /// Another name of `session_id`.
    run_id: Option<String>,
}

/// Carry out a plan, or ask for its progress.
///
/// The first request for a plan starts its job. Later ones answer as soon as there is news, and within 20 s
/// in any case. Ask again until `final` is true; the work goes on whether you do or not.
#[utoipa::path(
    post, path = "/api/navi/next", tag = "agent", request_body = NextRequest,
    responses(
        (status = 200, description = "A progress report", body = NextAnswer),
        (status = 404, description = "Plan not found"),
        (status = 422, description = "The id is not valid"),
    )
)]
async fn do_plan(
    State(plans): State<Plans>,
    principal: Principal,
    Json(request): Json<NextRequest>,
) -> Result<Json<NextAnswer>, Problem> {
    let invalid =
        |detail| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail);
    let named = request.session_id.or(request.run_id);
    let named = named.ok_or_else(|| invalid("`session_id` is missing; name a plan by its own"))?;
    let id = named
        .parse()
        .map_err(|_| invalid("`session_id` is not the id of a plan"))?;
    Ok(Json(next(&plans, &principal, id).await?))
}
