//! Who the caller is, as the server sees it.

use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::principal::{Principal, Role};
use crate::platform::extract::Json;

/// The routes of this slice.
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(get_me))
}

/// The verified caller.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Me {
    /// The organisation that the token names.
    org_id: String,
    /// The person that the token names.
    user_id: String,
    /// What they may do.
    role: Role,
}

/// Says who the caller is.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "auth",
    security(("bearer" = ["viewer"])),
    responses((status = 200, description = "who the token speaks for", body = Me)),
)]
async fn get_me(principal: Principal) -> Json<Me> {
    Json(Me {
        org_id: principal.org_id.into(),
        user_id: principal.user_id.into(),
        role: principal.role,
    })
}
