//! Webhooks over HTTP.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::recording::layer::{Changed, Made};
use crate::auth::principal::Admin;
use crate::notices::error::Error;
use crate::notices::model::{
    DeliveryCursor, DeliveryState, NewWebhook, NoticeId, NoticeKind, WebhookFormat, WebhookId,
};
use crate::notices::service::Webhooks;
use crate::notices::view::{
    CreatedWebhookView, DeliveriesView, DeliveryView, WebhookView, WebhooksView,
};
use crate::platform::extract::{Addressed, Id, Json, Query};
use crate::platform::idempotency::extract::Creation;
use crate::platform::idempotency::model::Created;
use crate::platform::page::{CursorValue, DEFAULT_LIMIT, MAX_LIMIT};
use crate::platform::problem::Problem;
use crate::platform::secret::SecretString;

/// The routes of this slice.
pub fn routes(webhooks: Webhooks) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks, create_webhook))
        .routes(routes!(delete_webhook))
        .routes(routes!(list_deliveries))
        .routes(routes!(retry_delivery))
        .with_state(webhooks)
}

impl Addressed for WebhookId {
    fn missing(name: String) -> Problem {
        Error::NotFound(name).into()
    }
}

impl Addressed for NoticeId {
    fn missing(name: String) -> Problem {
        Error::DeliveryNotFound(name).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "webhook-not-found", detail),
            Error::DeliveryNotFound(_) => {
                Self::new(StatusCode::NOT_FOUND, "delivery-not-found", detail)
            }
            Error::Url(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "webhook-url-invalid",
                detail,
            ),
            Error::NoEvents | Error::Description => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation-error", detail)
            }
            Error::TooMany => Self::new(StatusCode::CONFLICT, "too-many-webhooks", detail),
            Error::Disabled => Self::new(StatusCode::CONFLICT, "webhook-disabled", detail),
            Error::NotDead => Self::new(StatusCode::CONFLICT, "delivery-not-dead", detail),
            Error::Vault(error) => error.into(),
            Error::Key(error) => error.into(),
            Error::Database(error) => Self::internal(&error),
        }
    }
}

/// List your organisation's webhooks.
#[utoipa::path(
    get, path = "/api/webhooks", tag = "webhooks",
    security(("bearer" = ["admin"])),
    responses((status = 200, description = "All of them, oldest first", body = WebhooksView))
)]
async fn list_webhooks(
    State(webhooks): State<Webhooks>,
    Admin(principal): Admin,
) -> Result<Json<WebhooksView>, Problem> {
    let webhooks = webhooks.list(&principal).await?;
    let webhooks = webhooks.into_iter().map(WebhookView::from).collect();
    Ok(Json(WebhooksView { webhooks }))
}

/// A webhook to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct CreateWebhook {
    /// Where notices go: a public https address of at most 2048 bytes, without a name, a password and a
    /// fragment. Names are resolved for every notice; one that leads into a private network gets none.
    #[schema(value_type = String)]
    url: SecretString,
    /// The form of bodies; `standard` when absent. With `slack`, `url` is an incoming webhook of Slack.
    format: Option<WebhookFormat>,
    /// The kinds of notice that it gets; all when absent.
    events: Option<Vec<NoticeKind>>,
    /// A description for people, at most 200 characters.
    description: Option<String>,
}

/// Make a webhook.
///
/// The secret that signs its notices is in this answer alone.
#[utoipa::path(
    post, path = "/api/webhooks", tag = "webhooks",
    security(("bearer" = ["admin"])),
    request_body = CreateWebhook,
    params(("Idempotency-Key" = Option<String>, Header, description = "Of 1 to 255 ASCII characters; a repetition is answered without the secret")),
    responses(
        (status = 200, description = "The webhook was created", body = CreatedWebhookView),
        (status = 409, description = "Your organisation is at its limit of webhooks, or a \
                                      request with this `Idempotency-Key` is in progress"),
        (status = 422, description = "A value is not valid"),
        (status = 503, description = "Secrets cannot be encrypted at present"),
    )
)]
async fn create_webhook(
    State(webhooks): State<Webhooks>,
    Admin(principal): Admin,
    Creation { body, key }: Creation<CreateWebhook>,
) -> Result<(Option<Extension<Made>>, Created<CreatedWebhookView>), Problem> {
    let new = NewWebhook {
        url: body.url,
        format: body.format.unwrap_or_default(),
        events: body.events,
        description: body.description,
    };
    let created = webhooks.create(&principal, new, key.as_ref()).await?;
    let made = created.id("/webhook/id").map(|id| Extension(Made(id)));
    Ok((made, created))
}

/// Delete a webhook.
///
/// Notices that wait for it are not sent.
#[utoipa::path(
    delete, path = "/api/webhooks/{id}", tag = "webhooks",
    security(("bearer" = ["admin"])),
    params(("id" = uuid::Uuid, Path, description = "The webhook")),
    responses(
        (status = 204, description = "The webhook was deleted"),
        (status = 404, description = "Webhook not found"),
    )
)]
async fn delete_webhook(
    State(webhooks): State<Webhooks>,
    Admin(principal): Admin,
    Id(id): Id<WebhookId>,
) -> Result<(Extension<Changed>, StatusCode), Problem> {
    let before = webhooks.find(&principal, id).await?;
    webhooks.delete(&principal, id).await?;
    let changed = Changed::between(Some(&WebhookView::from(before)), None);
    Ok((Extension(changed), StatusCode::NO_CONTENT))
}

/// Filter and page of deliveries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct DeliveriesQuery {
    /// State; any when absent. `dead` lists what was given up.
    #[param(inline)]
    state: Option<DeliveryState>,
    /// Page size, 1 to 100; 50 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List what was sent to a webhook, or is to be sent, newest first.
///
/// Deliveries are kept for 30 days.
#[utoipa::path(
    get, path = "/api/webhooks/{id}/deliveries", tag = "webhooks",
    security(("bearer" = ["admin"])),
    params(("id" = uuid::Uuid, Path, description = "The webhook"), DeliveriesQuery),
    responses(
        (status = 200, description = "A page", body = DeliveriesView),
        (status = 404, description = "Webhook not found"),
        (status = 422, description = "`cursor` or `state` is not valid"),
    )
)]
async fn list_deliveries(
    State(webhooks): State<Webhooks>,
    Admin(principal): Admin,
    Id(id): Id<WebhookId>,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Json<DeliveriesView>, Problem> {
    let after = query
        .cursor
        .as_deref()
        .map(DeliveryCursor::decode)
        .transpose()?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let rows = i64::from(limit) + 1;
    let found = webhooks
        .deliveries(&principal, id, query.state, after, rows)
        .await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(Json(DeliveriesView::new(found, limit)))
}

/// Send a dead delivery again.
///
/// It is sent at once, under the same `webhook-id`, and again over a day if that fails.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/deliveries/{delivery_id}/retry", tag = "webhooks",
    security(("bearer" = ["admin"])),
    params(
        ("id" = uuid::Uuid, Path, description = "The webhook"),
        ("delivery_id" = uuid::Uuid, Path, description = "The delivery"),
    ),
    responses(
        (status = 200, description = "The delivery will be sent again", body = DeliveryView),
        (status = 404, description = "Webhook or delivery not found"),
        (status = 409, description = "The delivery is not dead, or the webhook is disabled"),
    )
)]
async fn retry_delivery(
    State(webhooks): State<Webhooks>,
    Admin(principal): Admin,
    Id(id): Id<WebhookId>,
    Id(delivery): Id<NoticeId, 1>,
) -> Result<Json<DeliveryView>, Problem> {
    let delivery = webhooks.retry(&principal, id, delivery).await?;
    Ok(Json(delivery.into()))
}
