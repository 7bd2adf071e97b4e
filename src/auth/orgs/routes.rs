//! Organisations over HTTP.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::principal::{Principal, Role};
use crate::platform::extract::Json;
use crate::platform::problem::Problem;

/// The routes of this slice.
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_organisations, create_organisation))
        .routes(routes!(select_organisation))
        .routes(routes!(invite_to_organisation))
}

/// An organisation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Organisation {
    /// The id, as the token carries it.
    id: String,
    /// The name; the same as the id, because tokens carry no other.
    name: String,
    /// The name in addresses; the same as the id.
    slug: String,
    /// The caller's role in it.
    role: Role,
}

/// Lists the caller's organisations: the one that the token names.
#[utoipa::path(
    get, path = "/api/orgs", tag = "auth",
    security(("bearer" = ["viewer"])),
    responses((status = 200, description = "the organisations", body = Vec<Organisation>)),
)]
async fn list_organisations(principal: Principal) -> Json<Vec<Organisation>> {
    let id = principal.org_id.as_str();
    Json(vec![Organisation {
        id: id.to_owned(),
        name: id.to_owned(),
        slug: id.to_owned(),
        role: principal.role,
    }])
}

/// An organisation by its id.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
struct Selection {
    /// The id.
    org_id: String,
}

/// Confirms that the caller works in an organisation. Nothing is stored: the token decides.
#[utoipa::path(
    post, path = "/api/orgs/select", tag = "auth",
    security(("bearer" = ["viewer"])),
    request_body = Selection,
    responses(
        (status = 200, description = "The organisation is the caller's", body = Selection),
        (status = 403, description = "the token is for another organisation"),
    ),
)]
async fn select_organisation(
    principal: Principal,
    Json(body): Json<Selection>,
) -> Result<Json<Selection>, Problem> {
    if body.org_id == principal.org_id.as_str() {
        return Ok(Json(body));
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "other-organisation",
        format!(
            "you are signed in to the organisation `{}` alone; to work in another one, sign in to it",
            principal.org_id
        ),
    ))
}

/// Refuses: organisations come from the identity provider.
#[utoipa::path(
    post, path = "/api/orgs", tag = "auth",
    security(("bearer" = ["viewer"])),
    responses((status = 403, description = "organisations are not created here")),
)]
async fn create_organisation(principal: Principal) -> Problem {
    managed_elsewhere(
        &principal,
        "a new one is set up with the identity provider that you sign in with",
    )
}

/// Refuses: members come from the identity provider.
#[utoipa::path(
    post, path = "/api/orgs/invite", tag = "auth",
    security(("bearer" = ["viewer"])),
    responses((status = 403, description = "members are not invited here")),
)]
async fn invite_to_organisation(principal: Principal) -> Problem {
    managed_elsewhere(
        &principal,
        "its administrator adds people with the identity provider that they sign in with",
    )
}

fn managed_elsewhere(principal: &Principal, instead: &str) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "organisations-managed-elsewhere",
        format!(
            "organisations and their members are not managed here; you work in `{}`, and {instead}",
            principal.org_id
        ),
    )
}
