//! Webhooks and deliveries as answers show them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::notices::model::{
    Delivery, DeliveryCursor, DeliveryState, NoticeKind, Webhook, WebhookFormat, WebhookState,
};
use crate::platform::page::{CursorValue, cut};

/// A webhook, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookView {
    /// The webhook.
    pub id: String,
    /// Where notices go; of a webhook for Slack the origin alone.
    pub url: String,
    /// The form of its bodies.
    pub format: WebhookFormat,
    /// The kinds of notice it gets.
    pub events: Vec<String>,
    /// A description for people.
    pub description: Option<String>,
    /// `disabled` when its receiver answered 410.
    pub state: WebhookState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The last attempt.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// The last notice that was taken.
    pub last_delivery_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed; null when it did not.
    pub last_error: Option<String>,
    /// Attempts that failed since the last that did not.
    pub failures: i32,
    /// Notices that are to be sent.
    pub pending: i64,
    /// Notices that were given up.
    pub dead: i64,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.id.to_string(),
            url: webhook.url,
            format: webhook.format,
            events: webhook.kinds,
            description: webhook.description,
            state: webhook.state,
            created_at: webhook.created_at,
            last_attempt_at: webhook.last_attempt_at,
            last_delivery_at: webhook.last_success_at,
            last_error: webhook.last_error,
            failures: webhook.failures,
            pending: webhook.pending,
            dead: webhook.dead,
        }
    }
}

/// The webhooks of an organisation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhooksView {
    /// All of them, oldest first.
    pub webhooks: Vec<WebhookView>,
}

/// A webhook that was made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CreatedWebhookView {
    /// The webhook.
    pub webhook: WebhookView,
    /// The key that signs its notices, as the Standard Webhooks libraries take it. It is shown this once: null
    /// when the request is repeated under its `Idempotency-Key`, and for Slack, which has none.
    pub secret: Option<String>,
}

/// A notice on its way to a webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    /// The notice, as the header `webhook-id` has it.
    pub id: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: NoticeKind,
    /// Its content.
    pub data: Value,
    /// Where it stands.
    pub state: DeliveryState,
    /// The number of attempts to send it.
    pub attempts: i32,
    /// When it is sent next; null unless it is pending.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The last attempt.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub last_error: Option<String>,
    /// When the receiver took it.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let pending = delivery.state == DeliveryState::Pending;
        Self {
            id: delivery.id.to_string(),
            kind: delivery.kind,
            data: delivery.data,
            state: delivery.state,
            attempts: delivery.attempts,
            next_attempt_at: pending.then_some(delivery.due_at),
            last_attempt_at: delivery.last_attempt_at,
            last_error: delivery.last_error,
            delivered_at: delivery.delivered_at,
            created_at: delivery.created_at,
        }
    }
}

/// A page of deliveries.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeliveriesView {
    /// Newest first.
    pub deliveries: Vec<DeliveryView>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

impl DeliveriesView {
    /// A page of at most `limit`, from rows that were asked for with one more.
    pub fn new(mut rows: Vec<Delivery>, limit: usize) -> Self {
        let next_cursor = cut(&mut rows, limit).map(|last| {
            let place = DeliveryCursor {
                at: last.created_at,
                id: last.id,
            };
            place.encode()
        });
        Self {
            deliveries: rows.into_iter().map(DeliveryView::from).collect(),
            next_cursor,
        }
    }
}
