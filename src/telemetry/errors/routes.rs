//! Groups of errors over HTTP.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::layer::Changed;
use crate::auth::principal::{Planner, Principal};
use crate::platform::extract::{Json, Path, Query};
use crate::platform::page::{MAX_LIMIT, Position};
use crate::platform::problem::Problem;
use crate::telemetry::errors::error::Error;
use crate::telemetry::errors::model::{
    Cursor, Filter, GroupId, Search, Sort, StatusFilter, USUAL_PAGE,
};
use crate::telemetry::errors::service::{Decision, Errors};
use crate::telemetry::errors::view::{DetailView, GroupView, PageView};
use crate::telemetry::model::Source;

/// The routes of this slice.
pub fn routes(errors: Errors) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_errors))
        .routes(routes!(get_error))
        .routes(routes!(resolve_error))
        .with_state(errors)
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

/// Which groups.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Words in the type or the message, at most 200 characters: all of them, `"in a row"`, `or`,
    /// `-without`. The last one may be the beginning of a word.
    q: Option<String>,
    /// Where they stand; those that are open or came back when absent.
    #[serde(default)]
    #[param(inline)]
    status: StatusFilter,
    /// How bad the last occurrence was.
    severity: Option<String>,
    /// Who reports them.
    #[param(inline)]
    source: Option<Source>,
    /// Where the last occurrence was.
    component: Option<String>,
    /// The version in which they were first or last seen.
    version: Option<String>,
    /// Those that happened since, RFC 3339.
    since: Option<DateTime<Utc>>,
    /// The order, the largest first.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
    /// At most this many, 1 to 100; 20 when absent.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The errors of your organisation by group, page by page.
#[utoipa::path(
    get, path = "/api/telemetry/errors", tag = "telemetry",
    security(("bearer" = ["viewer"])),
    params(ListQuery),
    responses(
        (status = 200, description = "A page", body = PageView),
        (status = 422, description = "No such cursor, or a value that cannot be"),
    )
)]
async fn list_errors(
    State(errors): State<Errors>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Json<PageView>, Problem> {
    let after = query.cursor.as_deref().map(Cursor::decode).transpose()?;
    let limit = query.limit.unwrap_or(USUAL_PAGE).clamp(1, MAX_LIMIT);
    let filter = Filter {
        search: query.q.as_deref().and_then(Search::new),
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
    Ok(Json(PageView::new(listed, limit, filter.sort)))
}

/// One group of errors with its last occurrences.
#[utoipa::path(
    get, path = "/api/telemetry/errors/{id}", tag = "telemetry",
    security(("bearer" = ["viewer"])),
    params(("id" = i64, Path, description = "The group")),
    responses(
        (status = 200, description = "The group", body = DetailView),
        (status = 404, description = "There is none in your organisation"),
    )
)]
async fn get_error(
    State(errors): State<Errors>,
    principal: Principal,
    Path(id): Path<GroupId>,
) -> Result<Json<DetailView>, Problem> {
    let (listed, latest) = errors.find(&principal, id).await?;
    Ok(Json(DetailView::new(listed, latest, principal.role)))
}

/// What is decided about a group.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct ResolveError {
    /// What is to be known about it, at most 1000 characters; everybody in the organisation reads it.
    notes: Option<String>,
    /// Open it again instead.
    reopen: Option<bool>,
}

/// Deal with a group of errors, or open it again.
///
/// Its occurrences are marked as resolved in the background. When it happens again, it is regressed.
/// Deciding the same twice changes nothing.
#[utoipa::path(
    post, path = "/api/telemetry/errors/{id}/resolve", tag = "telemetry",
    security(("bearer" = ["planner"])),
    request_body = ResolveError,
    params(("id" = i64, Path, description = "The group")),
    responses(
        (status = 200, description = "The group as it is now", body = GroupView),
        (status = 404, description = "There is none in your organisation"),
    )
)]
async fn resolve_error(
    State(errors): State<Errors>,
    Planner(principal): Planner,
    Path(id): Path<GroupId>,
    Json(body): Json<ResolveError>,
) -> Result<(Extension<Changed>, Json<GroupView>), Problem> {
    let decision = Decision {
        notes: body.notes,
        reopen: body.reopen.unwrap_or(false),
    };
    let (before, after) = errors.decide(&principal, id, &decision).await?;
    let (before, after) = (GroupView::from(before), GroupView::from(after));
    let changed = Changed::between(Some(&before), Some(&after));
    Ok((Extension(changed), Json(after)))
}
