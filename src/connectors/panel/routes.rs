//! The panels' requests over HTTP.

use axum::extract::{Extension, State};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::recording::layer::Changed;
use crate::auth::principal::Principal;
use crate::connectors::error::Error;
use crate::connectors::model::{NewToken, Provider};
use crate::connectors::panel::view::{
    ItemView, ItemsView, NAME, SavedView, StatusView, StatusesView,
};
use crate::connectors::routes::replace;
use crate::connectors::service::Connectors;
use crate::platform::extract::{Json, Query};
use crate::platform::problem::Problem;
use crate::platform::secret::SecretString;

/// The routes of this part. Their addresses are beside `/api/connectors/{provider}` and go before it.
pub fn routes(connectors: Connectors) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_connections))
        .routes(routes!(connector_status))
        .routes(routes!(marketplace_status))
        .routes(routes!(save_connector))
        .routes(routes!(connect_jira))
        .with_state(connectors)
}

/// Selects connections.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only the one to this provider, in letters of either case.
    provider: Option<String>,
}

/// Your connections, without their tokens.
#[utoipa::path(
    get, path = "/api/connectors", tag = "connectors",
    security(("bearer" = ["viewer"])),
    params(ListQuery),
    responses((status = 200, description = "The connections", body = ItemsView)),
)]
async fn list_connections(
    State(connectors): State<Connectors>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Json<ItemsView>, Problem> {
    let named = query.provider.map(|name| name.to_ascii_lowercase());
    let wanted = |provider: Provider| {
        named
            .as_deref()
            .is_none_or(|name| name == provider.as_str())
    };
    let found = connectors.list(&principal).await?.into_iter();
    let found = found.filter(|connection| wanted(connection.provider));
    Ok(Json(ItemsView {
        items: found.filter_map(ItemView::of).collect(),
    }))
}

/// The status of every connector that the operator enables.
#[utoipa::path(
    get, path = "/api/connectors/status", tag = "connectors",
    security(("bearer" = ["viewer"])),
    responses((status = 200, description = "The connectors", body = StatusesView)),
)]
async fn connector_status(
    State(connectors): State<Connectors>,
    principal: Principal,
) -> Result<Json<StatusesView>, Problem> {
    let connections = connectors.list(&principal).await?;
    Ok(Json(StatusesView {
        items: connections.iter().map(StatusView::from).collect(),
        offline: false,
    }))
}

/// The same as `/api/connectors/status`.
#[utoipa::path(
    get, path = "/api/connectors/marketplace/status", tag = "connectors",
    security(("bearer" = ["viewer"])),
    responses((status = 200, description = "The connectors", body = StatusesView)),
)]
async fn marketplace_status(
    connectors: State<Connectors>,
    principal: Principal,
) -> Result<Json<StatusesView>, Problem> {
    connector_status(connectors, principal).await
}

/// A token for any provider.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct SaveConnector {
    /// The provider: `github`, `jira` or `slack`, in letters of either case.
    provider: String,
    /// The token, at most 4096 characters. It is never given out again.
    #[schema(value_type = String, write_only)]
    token: SecretString,
    /// Where it is good; the server's settings when absent or empty.
    base_url: Option<String>,
    /// Absent or `default`: each person has one connection to a provider.
    name: Option<String>,
    /// Settings by provider. Only Jira's `email` is read.
    extra: Option<Extra>,
}

/// Settings by provider.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = ConnectorExtra)]
struct Extra {
    /// The address that you sign in to Jira with; for Jira alone.
    email: Option<String>,
}

/// Store a personal token, or replace it.
///
/// The same as `PUT /api/connectors/{provider}` under the names of older clients.
#[utoipa::path(
    post, path = "/api/connectors/save", tag = "connectors",
    security(("bearer" = ["viewer"])),
    request_body = SaveConnector,
    responses(
        (status = 200, description = "The connection was stored", body = SavedView),
        (status = 404, description = "Connector not found"),
        (status = 422, description = "The provider refused the token, or a value is not valid"),
        (status = 503, description = "Secrets cannot be encrypted at present"),
    )
)]
async fn save_connector(
    State(connectors): State<Connectors>,
    principal: Principal,
    Json(body): Json<SaveConnector>,
) -> Result<(Extension<Changed>, Json<SavedView>), Problem> {
    if body.name.is_some_and(|name| name != NAME) {
        return Err(Error::Name.into());
    }
    let provider = body.provider.trim().to_ascii_lowercase();
    let email = body.extra.and_then(|extra| extra.email);
    let new = NewToken {
        token: body.token,
        base_url: filled(body.base_url),
        email: email.filter(|_| provider == Provider::Jira.as_str()),
    };
    let (changed, connection) = replace(&connectors, &principal, &provider, new).await?;
    Ok((Extension(changed), Json(connection.into())))
}

/// An address, unless its field was left empty in the form.
fn filled(address: Option<String>) -> Option<String> {
    address.filter(|address| !address.trim().is_empty())
}

/// A token for Jira.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct ConnectJira {
    /// Where Jira is; the server's `JIRA_BASE_URL` when absent.
    base_url: Option<String>,
    /// The address that you sign in to Jira with.
    email: Option<String>,
    /// The token, at most 4096 characters. It is never given out again.
    #[schema(value_type = String, write_only)]
    api_token: SecretString,
}

/// Store a personal token for Jira, or replace it.
///
/// The same as `PUT /api/connectors/jira` under the names of older clients.
#[utoipa::path(
    post, path = "/api/connectors/jira/connect", tag = "connectors",
    security(("bearer" = ["viewer"])),
    request_body = ConnectJira,
    responses(
        (status = 200, description = "The connection was stored", body = SavedView),
        (status = 404, description = "Connector not found"),
        (status = 422, description = "Jira refused the token, or a value is not valid"),
        (status = 503, description = "Secrets cannot be encrypted at present"),
    )
)]
async fn connect_jira(
    State(connectors): State<Connectors>,
    principal: Principal,
    Json(body): Json<ConnectJira>,
) -> Result<(Extension<Changed>, Json<SavedView>), Problem> {
    let new = NewToken {
        token: body.api_token,
        base_url: filled(body.base_url),
        email: body.email,
    };
    let jira = Provider::Jira.as_str();
    let (changed, connection) = replace(&connectors, &principal, jira, new).await?;
    Ok((Extension(changed), Json(connection.into())))
}
