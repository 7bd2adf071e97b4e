//! HTTP routes of insights.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::recording::layer::Changed;
use crate::auth::principal::{Admin, Principal};
use crate::feedback::insight::{InsightStatus, InsightType};
use crate::feedback::insights::error::Error;
use crate::feedback::insights::model::{InsightFilter, InsightText, ScopeKind};
use crate::feedback::insights::service::{InsightChange, Insights};
use crate::feedback::insights::view::{InsightView, InsightsPageView};
use crate::feedback::model::InsightId;
use crate::platform::extract::{Addressed, Id, Json, Query};
use crate::platform::page::{CursorValue, DEFAULT_LIMIT, MAX_LIMIT};
use crate::platform::problem::Problem;

/// The routes of this slice.
pub fn routes(insights: Insights) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_insights))
        .routes(routes!(get_insight, reword_insight))
        .routes(routes!(activate_insight))
        .routes(routes!(retire_insight))
        .with_state(insights)
}

impl Addressed for InsightId {
    fn missing(name: String) -> Problem {
        Error::NotFound(name).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "insight-not-found", detail),
            Error::BadReason | Error::BadTitle | Error::BadDescription => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
            }
            Error::Database(error) => Self::internal(&error),
        }
    }
}

/// Filter and page of insights.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Status; any when absent.
    #[param(inline)]
    status: Option<InsightStatus>,
    /// Type; any when absent.
    #[serde(rename = "type")]
    #[param(inline)]
    insight_type: Option<InsightType>,
    /// Scope; any when absent.
    #[param(inline)]
    scope: Option<ScopeKind>,
    /// Page size, 1 to 100; 50 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the insights learned from ratings, newest first.
///
/// You see the insights of your organisation, your team and your own; administrators see all. A proposed
/// insight with a quotation is visible to administrators and to the quoted user.
#[utoipa::path(
    get, path = "/api/feedback/insights", tag = "feedback",
    security(("bearer" = ["viewer"])),
    params(ListQuery),
    responses(
        (status = 200, description = "A page", body = InsightsPageView),
        (status = 422, description = "`cursor` or a filter is not valid"),
    )
)]
async fn list_insights(
    State(insights): State<Insights>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Json<InsightsPageView>, Problem> {
    let after = query.cursor.as_deref().map(InsightId::decode).transpose()?;
    let filter = InsightFilter {
        status: query.status,
        insight_type: query.insight_type,
        scope: query.scope,
        after,
    };
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let found = insights.list(&principal, &filter, i64::from(limit)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(Json(InsightsPageView::new(found, limit)))
}

/// Read an insight.
#[utoipa::path(
    get, path = "/api/feedback/insights/{id}", tag = "feedback",
    security(("bearer" = ["viewer"])),
    params(("id" = i64, Path, description = "The insight")),
    responses(
        (status = 200, description = "The insight", body = InsightView),
        (status = 404, description = "Insight not found"),
    )
)]
async fn get_insight(
    State(insights): State<Insights>,
    principal: Principal,
    Id(id): Id<InsightId>,
) -> Result<Json<InsightView>, Problem> {
    let insight = insights.find(&principal, id).await?;
    Ok(Json(insight.into()))
}

/// Reason of a decision.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
struct DecideInsight {
    /// One line of at most 200 characters, visible with the insight.
    reason: Option<String>,
}

/// Activate an insight: use it in prompts.
///
/// The same decision again changes nothing.
#[utoipa::path(
    post, path = "/api/feedback/insights/{id}/activate", tag = "feedback",
    security(("bearer" = ["admin"])),
    request_body = Option<DecideInsight>,
    params(("id" = i64, Path, description = "The insight")),
    responses(
        (status = 200, description = "The insight after the change", body = InsightView),
        (status = 404, description = "Insight not found"),
    )
)]
async fn activate_insight(
    State(insights): State<Insights>,
    Admin(principal): Admin,
    Id(id): Id<InsightId>,
    body: Option<Json<DecideInsight>>,
) -> Result<(Extension<Changed>, Json<InsightView>), Problem> {
    decide(&insights, &principal, id, InsightStatus::Active, body).await
}

/// Retire an insight: use it in prompts no longer.
///
/// The analyzer does not reactivate it. The same decision again changes nothing.
#[utoipa::path(
    post, path = "/api/feedback/insights/{id}/retire", tag = "feedback",
    security(("bearer" = ["admin"])),
    request_body = Option<DecideInsight>,
    params(("id" = i64, Path, description = "The insight")),
    responses(
        (status = 200, description = "The insight after the change", body = InsightView),
        (status = 404, description = "Insight not found"),
    )
)]
async fn retire_insight(
    State(insights): State<Insights>,
    Admin(principal): Admin,
    Id(id): Id<InsightId>,
    body: Option<Json<DecideInsight>>,
) -> Result<(Extension<Changed>, Json<InsightView>), Problem> {
    decide(&insights, &principal, id, InsightStatus::Retired, body).await
}

async fn decide(
    insights: &Insights,
    principal: &Principal,
    id: InsightId,
    status: InsightStatus,
    body: Option<Json<DecideInsight>>,
) -> Result<(Extension<Changed>, Json<InsightView>), Problem> {
    let reason = body.and_then(|Json(body)| body.reason);
    let decided = insights.decide(principal, id, status, reason.as_deref());
    Ok(changed(decided.await?))
}

/// New text of an insight.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct RewordInsight {
    /// One line of 1 to 120 characters.
    title: Option<String>,
    /// One line of 1 to 300 characters, copied into prompts.
    description: Option<String>,
}

/// Change the text of an insight.
///
/// The analyzer keeps the new text. The same text again changes nothing.
#[utoipa::path(
    patch, path = "/api/feedback/insights/{id}", tag = "feedback",
    security(("bearer" = ["admin"])),
    request_body = RewordInsight,
    params(("id" = i64, Path, description = "The insight")),
    responses(
        (status = 200, description = "The insight after the change", body = InsightView),
        (status = 404, description = "Insight not found"),
    )
)]
async fn reword_insight(
    State(insights): State<Insights>,
    Admin(principal): Admin,
    Id(id): Id<InsightId>,
    Json(body): Json<RewordInsight>,
) -> Result<(Extension<Changed>, Json<InsightView>), Problem> {
    let text = InsightText {
        title: body.title,
        description: body.description,
    };
    Ok(changed(insights.reword(&principal, id, &text).await?))
}

/// Returns the response to a change, and the change for the audit log.
fn changed(change: InsightChange) -> (Extension<Changed>, Json<InsightView>) {
    let (before, after) = (
        InsightView::from(change.before),
        InsightView::from(change.after),
    );
    let changed = Changed::between(Some(&before), Some(&after));
    (Extension(changed), Json(after))
}
