//! Connectors over HTTP.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::recording::layer::Changed;
use crate::auth::principal::Principal;
use crate::connectors::error::Error;
use crate::connectors::model::{Connection, NewToken};
use crate::connectors::service::Connectors;
use crate::connectors::view::ConnectionView;
use crate::platform::extract::{Json, Path, Query};
use crate::platform::problem::Problem;
use crate::platform::secret::SecretString;

/// The routes of this slice.
pub fn routes(connectors: Connectors) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(put_connector, get_connector, delete_connector))
        .with_state(connectors)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotEnabled { .. } => {
                Self::new(StatusCode::NOT_FOUND, "connector-not-enabled", detail)
            }
            Error::NotConnected(_) => {
                Self::new(StatusCode::NOT_FOUND, "connector-not-connected", detail)
            }
            Error::Name
            | Error::Token
            | Error::BaseUrl(_)
            | Error::BaseUrlMissing
            | Error::EmailMissing
            | Error::Email => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "connector-invalid",
                detail,
            ),
            Error::Forbidden => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "base-url-forbidden",
                detail,
            ),
            Error::Refused(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "token-refused", detail)
            }
            Error::Unreadable(_) => Self::new(StatusCode::CONFLICT, "token-unreadable", detail),
            Error::Audit(error) => error.into(),
            Error::Vault(error) => error.into(),
            Error::Database(error) => Self::internal(&error),
        }
    }
}

/// A personal token.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct TokenRequest {
    /// The token, at most 4096 characters. It is never given out again.
    #[schema(value_type = String, write_only)]
    token: SecretString,
    /// Where it is good, when not where the server's settings say; a public https address.
    base_url: Option<String>,
    /// The address that you sign in to Jira with; for Jira alone.
    email: Option<String>,
}

/// Store a personal token, or replace it.
#[utoipa::path(
    put, path = "/api/connectors/{provider}", tag = "connectors",
    security(("bearer" = ["viewer"])),
    request_body = TokenRequest,
    params(("provider" = String, Path, description = "`github`, `jira` or `slack`")),
    responses(
        (status = 200, description = "The connection was stored", body = ConnectionView),
        (status = 404, description = "Connector not found"),
        (status = 422, description = "The provider refused the token, or a value is not valid"),
        (status = 503, description = "Secrets cannot be encrypted at present"),
    )
)]
async fn put_connector(
    State(connectors): State<Connectors>,
    principal: Principal,
    Path(provider): Path<String>,
    Json(body): Json<TokenRequest>,
) -> Result<(Extension<Changed>, Json<ConnectionView>), Problem> {
    let new = NewToken {
        token: body.token,
        base_url: body.base_url,
        email: body.email,
    };
    let (changed, connection) = replace(&connectors, &principal, &provider, new).await?;
    Ok((Extension(changed), Json(connection.into())))
}

/// Stores a token, and tells the difference for the audit log, where the token itself is not.
pub(super) async fn replace(
    connectors: &Connectors,
    principal: &Principal,
    provider: &str,
    new: NewToken,
) -> Result<(Changed, Connection), Error> {
    let before = connectors.find(principal, provider, false).await?;
    let connection = connectors.put(principal, provider, new).await?;
    let before = ConnectionView::from(before);
    let after = ConnectionView::from(connection.clone());
    Ok((Changed::between(Some(&before), Some(&after)), connection))
}

/// Controls the check with the provider.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct FindQuery {
    /// Ask the provider whether the stored token is still good; false when absent.
    #[serde(default)]
    verify: bool,
}

/// Your connection to a provider.
#[utoipa::path(
    get, path = "/api/connectors/{provider}", tag = "connectors",
    security(("bearer" = ["viewer"])),
    params(("provider" = String, Path, description = "`github`, `jira` or `slack`"), FindQuery),
    responses(
        (status = 200, description = "The connection, if there is one", body = ConnectionView),
        (status = 404, description = "Connector not found"),
        (status = 409, description = "The stored token can no longer be decrypted"),
        (status = 503, description = "Secrets cannot be decrypted at present"),
    )
)]
async fn get_connector(
    State(connectors): State<Connectors>,
    principal: Principal,
    Path(provider): Path<String>,
    Query(query): Query<FindQuery>,
) -> Result<Json<ConnectionView>, Problem> {
    let connection = connectors.find(&principal, &provider, query.verify).await?;
    Ok(Json(connection.into()))
}

/// Forget your token.
#[utoipa::path(
    delete, path = "/api/connectors/{provider}", tag = "connectors",
    security(("bearer" = ["viewer"])),
    params(("provider" = String, Path, description = "`github`, `jira` or `slack`")),
    responses(
        (status = 204, description = "The connection was deleted"),
        (status = 404, description = "Connector not found, or no token is stored"),
    )
)]
async fn delete_connector(
    State(connectors): State<Connectors>,
    principal: Principal,
    Path(provider): Path<String>,
) -> Result<(Extension<Changed>, StatusCode), Problem> {
    let before = connectors.find(&principal, &provider, false).await?;
    connectors.delete(&principal, &provider).await?;
    let changed = Changed::between(Some(&ConnectionView::from(before)), None);
    Ok((Extension(changed), StatusCode::NO_CONTENT))
}
