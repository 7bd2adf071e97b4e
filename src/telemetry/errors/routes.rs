//! HTTP routes of error groups.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::recording::layer::Changed;
use crate::auth::principal::{Planner, Principal};
use crate::platform::extract::{Addressed, Id, Json, Query};
use crate::platform::page::{CursorValue, MAX_LIMIT};
use crate::platform::problem::Problem;
use crate::telemetry::errors::error::Error;
use crate::telemetry::errors::model::{
    DEFAULT_PAGE, ErrorFilter, ErrorSearch, GroupCursor, GroupId, Sort, StatusFilter,
};
use crate::telemetry::errors::service::{Errors, GroupChange, ResolutionUpdate};
use crate::telemetry::errors::view::{ErrorDetailView, ErrorGroupView, ErrorsPageView};
use crate::telemetry::model::ErrorSource;

/// The routes of this slice.
pub fn routes(errors: Errors) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_errors))
        .routes(routes!(get_error))
        .routes(routes!(resolve_error))
        .with_state(errors)
}

impl Addressed for GroupId {
    fn missing(name: String) -> Problem {
        Error::NotFound(name).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "error-not-found", detail),
            Error::OtherOrder | Error::SearchTooLong | Error::NotesTooLong => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
            }
            Error::Database(error) => Self::internal(&error),
        }
    }
}

/// Filter, order and page of error groups.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Words in the type or the message, at most 200 characters: all of them, `"in a row"`, `or`,
    /// `-without`. The last word may be a prefix.
    q: Option<String>,
    /// Status; open and regressed groups when absent.
    #[serde(default)]
    #[param(inline)]
    status: StatusFilter,
    /// Severity of the last occurrence.
    severity: Option<String>,
    /// Reporter.
    #[param(inline)]
    source: Option<ErrorSource>,
    /// Component of the last occurrence.
    component: Option<String>,
    /// Version of the first or last occurrence.
    version: Option<String>,
    /// Earliest last occurrence, RFC 3339.
    since: Option<DateTime<Utc>>,
    /// Order, largest first.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
    /// Page size, 1 to 100; 20 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the error groups of your organisation.
#[utoipa::path(
    get, path = "/api/telemetry/errors", tag = "telemetry",
    security(("bearer" = ["viewer"])),
    params(ListQuery),
    responses(
        (status = 200, description = "A page", body = ErrorsPageView),
        (status = 422, description = "`cursor` or a filter is not valid"),
    )
)]
async fn list_errors(
    State(errors): State<Errors>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Json<ErrorsPageView>, Problem> {
    let after = query
        .cursor
        .as_deref()
        .map(GroupCursor::decode)
        .transpose()?;
    let limit = query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_LIMIT);
    let filter = ErrorFilter {
        search: query.q.as_deref().and_then(ErrorSearch::new),
        status: query.status,
        severity: query.severity,
        source: query.source,
        component: query.component,
        version: query.version,
        since: query.since,
        sort: query.sort,
        after,
    };
    let listed = errors.list(&principal, &filter, i64::from(limit)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(Json(ErrorsPageView::new(listed, limit, filter.sort)))
}

/// Read an error group with its last occurrences.
#[utoipa::path(
    get, path = "/api/telemetry/errors/{id}", tag = "telemetry",
    security(("bearer" = ["viewer"])),
    params(("id" = i64, Path, description = "The group")),
    responses(
        (status = 200, description = "The group", body = ErrorDetailView),
        (status = 404, description = "Error group not found"),
    )
)]
async fn get_error(
    State(errors): State<Errors>,
    principal: Principal,
    Id(id): Id<GroupId>,
) -> Result<Json<ErrorDetailView>, Problem> {
    let detail = errors.find(&principal, id).await?;
    Ok(Json(ErrorDetailView::new(detail, principal.role)))
}

/// Resolution of an error group.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
struct ResolveError {
    /// Notes, at most 1000 characters, visible to everyone in the organisation.
    notes: Option<String>,
    /// Reopen it instead.
    reopen: Option<bool>,
}

/// Resolve an error group, or reopen it.
///
/// Its occurrences are marked as resolved in the background. A group whose error happens again is
/// regressed. The same decision again changes nothing.
#[utoipa::path(
    post, path = "/api/telemetry/errors/{id}/resolve", tag = "telemetry",
    security(("bearer" = ["planner"])),
    request_body = Option<ResolveError>,
    params(("id" = i64, Path, description = "The group")),
    responses(
        (status = 200, description = "The group after the change", body = ErrorGroupView),
        (status = 404, description = "Error group not found"),
    )
)]
async fn resolve_error(
    State(errors): State<Errors>,
    Planner(principal): Planner,
    Id(id): Id<GroupId>,
    body: Option<Json<ResolveError>>,
) -> Result<(Extension<Changed>, Json<ErrorGroupView>), Problem> {
    let Json(body) = body.unwrap_or_default();
    let update = ResolutionUpdate {
        notes: body.notes,
        reopen: body.reopen.unwrap_or(false),
    };
    let GroupChange { before, after } = errors.update_resolution(&principal, id, &update).await?;
    let (before, after) = (ErrorGroupView::from(before), ErrorGroupView::from(after));
    let changed = Changed::between(Some(&before), Some(&after));
    Ok((Extension(changed), Json(after)))
}
