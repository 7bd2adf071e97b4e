//! Insights over HTTP.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::layer::Changed;
use crate::auth::principal::{Admin, Principal};
use crate::feedback::insight::{InsightType, Status};
use crate::feedback::insights::error::Error;
use crate::feedback::insights::model::{Filter, Insight, ScopeKind, Words};
use crate::feedback::insights::service::Insights;
use crate::feedback::insights::view::{InsightView, PageView};
use crate::feedback::model::InsightId;
use crate::platform::extract::{Json, Path, Query};
use crate::platform::page::{DEFAULT_LIMIT, MAX_LIMIT, Position};
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

/// Which insights.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Where they stand; anywhere when absent.
    #[param(inline)]
    status: Option<Status>,
    /// What kind of thing they say; any when absent.
    #[serde(rename = "type")]
    #[param(inline)]
    insight_type: Option<InsightType>,
    /// For whom they are; anybody when absent.
    #[param(inline)]
    scope: Option<ScopeKind>,
    /// At most this many, 1 to 100; 50 when absent.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What ratings taught, page by page, the newest first.
///
/// You see what is for your organisation, your team and you; administrators see all. What is proposed
/// and quotes somebody is shown to administrators and to whom it quotes.
#[utoipa::path(
    get, path = "/api/feedback/insights", tag = "feedback",
    security(("bearer" = ["viewer"])),
    params(ListQuery),
    responses(
        (status = 200, description = "A page", body = PageView),
        (status = 422, description = "No such cursor, or a value that cannot be"),
    )
)]
async fn list_insights(
    State(insights): State<Insights>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Json<PageView>, Problem> {
    let after = query.cursor.as_deref().map(InsightId::decode).transpose()?;
    let filter = Filter {
        status: query.status,
        insight_type: query.insight_type,
        scope: query.scope,
        after,
    };
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let found = insights.list(&principal, &filter, i64::from(limit)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(Json(PageView::new(found, limit)))
}

/// One insight.
#[utoipa::path(
    get, path = "/api/feedback/insights/{id}", tag = "feedback",
    security(("bearer" = ["viewer"])),
    params(("id" = i64, Path, description = "The insight")),
    responses(
        (status = 200, description = "The insight", body = InsightView),
        (status = 404, description = "There is none that you may see"),
    )
)]
async fn get_insight(
    State(insights): State<Insights>,
    principal: Principal,
    Path(id): Path<InsightId>,
) -> Result<Json<InsightView>, Problem> {
    let insight = insights.find(&principal, id).await?;
    Ok(Json(insight.into()))
}

/// Why somebody decides so.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
struct DecideInsight {
    /// One line of at most 200 characters, which everybody who sees the insight reads.
    reason: Option<String>,
}

/// Put an insight into prompts.
///
/// Deciding the same twice changes nothing.
#[utoipa::path(
    post, path = "/api/feedback/insights/{id}/activate", tag = "feedback",
    security(("bearer" = ["admin"])),
    request_body = Option<DecideInsight>,
    params(("id" = i64, Path, description = "The insight")),
    responses(
        (status = 200, description = "The insight as it is now", body = InsightView),
        (status = 404, description = "There is none in your organisation"),
    )
)]
async fn activate_insight(
    State(insights): State<Insights>,
    Admin(principal): Admin,
    Path(id): Path<InsightId>,
    body: Option<Json<DecideInsight>>,
) -> Result<(Extension<Changed>, Json<InsightView>), Problem> {
    decide(&insights, &principal, id, Status::Active, body).await
}

/// Take an insight out of prompts.
///
/// The analyzer does not put it back. Deciding the same twice changes nothing.
#[utoipa::path(
    post, path = "/api/feedback/insights/{id}/retire", tag = "feedback",
    security(("bearer" = ["admin"])),
    request_body = Option<DecideInsight>,
    params(("id" = i64, Path, description = "The insight")),
    responses(
        (status = 200, description = "The insight as it is now", body = InsightView),
        (status = 404, description = "There is none in your organisation"),
    )
)]
async fn retire_insight(
    State(insights): State<Insights>,
    Admin(principal): Admin,
    Path(id): Path<InsightId>,
    body: Option<Json<DecideInsight>>,
) -> Result<(Extension<Changed>, Json<InsightView>), Problem> {
    decide(&insights, &principal, id, Status::Retired, body).await
}

async fn decide(
    insights: &Insights,
    principal: &Principal,
    id: InsightId,
    status: Status,
    body: Option<Json<DecideInsight>>,
) -> Result<(Extension<Changed>, Json<InsightView>), Problem> {
    let reason = body.and_then(|Json(body)| body.reason);
    let decided = insights.decide(principal, id, status, reason.as_deref());
    Ok(changed(decided.await?))
}

/// New words for an insight.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct RewordInsight {
    /// One line of 1 to 120 characters.
    title: Option<String>,
    /// One line of 1 to 300 characters. It stands in prompts word by word.
    description: Option<String>,
}

/// Change the words of an insight.
///
/// The analyzer keeps them from then on. Words that it has already change nothing.
#[utoipa::path(
    patch, path = "/api/feedback/insights/{id}", tag = "feedback",
    security(("bearer" = ["admin"])),
    request_body = RewordInsight,
    params(("id" = i64, Path, description = "The insight")),
    responses(
        (status = 200, description = "The insight as it is now", body = InsightView),
        (status = 404, description = "There is none in your organisation"),
    )
)]
async fn reword_insight(
    State(insights): State<Insights>,
    Admin(principal): Admin,
    Path(id): Path<InsightId>,
    Json(body): Json<RewordInsight>,
) -> Result<(Extension<Changed>, Json<InsightView>), Problem> {
    let words = Words {
        title: body.title,
        description: body.description,
    };
    Ok(changed(insights.reword(&principal, id, &words).await?))
}

/// The answer to a change, and what the audit log is told of it.
fn changed((before, after): (Insight, Insight)) -> (Extension<Changed>, Json<InsightView>) {
    let (before, after) = (InsightView::from(before), InsightView::from(after));
    let changed = Changed::between(Some(&before), Some(&after));
    (Extension(changed), Json(after))
}
