//! Reviews over HTTP.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::agent::service::AgentService;
use crate::auth::principal::Principal;
use crate::platform::extract::{Json, Query};
use crate::platform::logging::TraceId;
use crate::platform::problem::Problem;
use crate::platform::sse::live::END;
use crate::platform::traces::context::TraceContext;
use crate::review::error::Error;
use crate::review::schema::ReviewStream;
use crate::review::service::{ReviewOrder, steps, whole};
use crate::review::stream;
use crate::review::view::ReviewView;

/// The header with which a browser that connects again names the last event it received.
const LAST_EVENT_ID: &str = "last-event-id";

/// The routes of this slice.
pub fn routes(service: AgentService) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(follow_review, ask_for_review))
        .with_state(service)
}

/// The folder to review, and the model.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ReviewRequest {
    /// The folder whose changes since the last commit are reviewed.
    workspace_root: Option<String>,
    /// Another name of `workspace_root`.
    workspace_path: Option<String>,
    /// The model: `provider/name`, a mode such as `navi/fast`, or nothing for the default.
    model: Option<String>,
    /// The provider, when `model` is a bare name.
    provider: Option<String>,
}

impl ReviewRequest {
    /// This request, with what it leaves out taken from another.
    fn or(self, other: Self) -> Self {
        Self {
            workspace_root: self.workspace_root.or(other.workspace_root),
            workspace_path: self.workspace_path.or(other.workspace_path),
            model: self.model.or(other.model),
            provider: self.provider.or(other.provider),
        }
    }

    fn order(self, principal: Principal, trace_id: TraceId) -> ReviewOrder {
        ReviewOrder {
            principal,
            trace_id,
            trace: TraceContext::current(),
            workspace: self.workspace_path.or(self.workspace_root),
            model: self.model,
            provider: self.provider,
        }
    }
}

/// Review what changed in a folder since the last commit.
///
/// Nothing is written. The answer is a stream, or the whole review when `Accept` names JSON. A browser that
/// connects again after the end gets 204, which keeps it from asking once more.
#[utoipa::path(
    get, path = "/api/navi/analyze-changes", tag = "agent",
    params(
        ReviewRequest,
        ("Last-Event-ID" = Option<String>, Header, description = "the last event that was seen"),
    ),
    responses(
        (status = 200, description = "The review, as a stream or complete",
         content((ReviewStream = "text/event-stream"), (ReviewView = "application/json"))),
        (status = 204, description = "The review was already sent"),
        (status = 400, description = "No model is available for the review"),
        (status = 404, description = "Workspace not found"),
        (status = 422, description = "The folder or its repository cannot be used"),
        (status = 429, description = "Too many changing requests"),
        (status = 502, description = "The model failed, or its answer is not a review"),
        (status = 503, description = "The model or this server is busy"),
    )
)]
async fn follow_review(
    State(service): State<AgentService>,
    principal: Principal,
    Extension(trace_id): Extension<TraceId>,
    Query(request): Query<ReviewRequest>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if headers.get(LAST_EVENT_ID).is_some_and(|id| id == END) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    review(service, request.order(principal, trace_id), &headers).await
}

/// Review what changed in a folder since the last commit.
///
/// The same, for clients that send the folder in a body.
#[utoipa::path(
    post, path = "/api/navi/analyze-changes", tag = "agent", request_body = ReviewRequest,
    params(ReviewRequest),
    responses(
        (status = 200, description = "The review, as a stream or complete",
         content((ReviewStream = "text/event-stream"), (ReviewView = "application/json"))),
        (status = 400, description = "No model is available for the review"),
        (status = 404, description = "Workspace not found"),
        (status = 422, description = "The folder or its repository cannot be used"),
        (status = 502, description = "The model failed, or its answer is not a review"),
        (status = 503, description = "The model or this server is busy"),
    )
)]
async fn ask_for_review(
    State(service): State<AgentService>,
    principal: Principal,
    Extension(trace_id): Extension<TraceId>,
    Query(query): Query<ReviewRequest>,
    headers: HeaderMap,
    body: Option<Json<ReviewRequest>>,
) -> Result<Response, Problem> {
    let request = body.map(|Json(body)| body).unwrap_or_default().or(query);
    review(service, request.order(principal, trace_id), &headers).await
}

async fn review(
    service: AgentService,
    order: ReviewOrder,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let steps = steps(&service, order);
    if wants_json(headers) {
        let review = whole(steps).await?;
        return Ok(Json(ReviewView::from(review)).into_response());
    }
    Ok(stream::respond(service.deps(), steps))
}

/// True for a client that asks for JSON and for no stream.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepts = |kind: &str| {
        let values = headers.get_all(header::ACCEPT).iter();
        let mut texts = values.filter_map(|value| value.to_str().ok());
        texts.any(|text| text.contains(kind))
    };
    accepts("application/json") && !accepts("text/event-stream")
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NoWorkspace => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "workspace-unusable",
                detail,
            ),
            Error::Git(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "changes-unreadable",
                detail,
            ),
            Error::Unreadable => {
                let mut problem = Self::new(StatusCode::BAD_GATEWAY, "model-failed", detail);
                "MODEL_ANSWER_UNREADABLE".clone_into(&mut problem.error_code);
                problem
            }
            Error::Agent(error) => error.into(),
        }
    }
}
