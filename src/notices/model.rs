//! Webhooks, notices and deliveries.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::platform::ids::OrgId;
use crate::platform::page::PageCursor;
use crate::platform::secret::SecretString;
use crate::vault::model::Place;
use crate::{cursor_value, id};

/// The most webhooks of an organisation.
pub const MAX_WEBHOOKS: i64 = 10;
/// The longest description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 200;

id!(
    /// A webhook.
    WebhookId
);
id!(
    /// A notice; the same for every webhook that gets it.
    NoticeId
);
cursor_value!(NoticeId(Uuid));

/// The position after the last delivery of a page.
pub type DeliveryCursor = PageCursor<DateTime<Utc>, NoticeId>;

/// The form of a body.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum WebhookFormat {
    /// JSON that is signed as the Standard Webhooks specification says.
    #[default]
    Standard,
    /// A message for an incoming webhook of Slack, whose address is the secret.
    Slack,
}

/// Where a webhook stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum WebhookState {
    /// It gets notices.
    Enabled,
    /// Its receiver said that it is gone, and nothing is sent any more.
    Disabled,
}

/// Where a delivery stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is to be sent, for the first time or again.
    Pending,
    /// The receiver has it.
    Delivered,
    /// It was given up; it can be sent again by hand.
    Dead,
}

/// The kind of a notice.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
)]
#[sqlx(type_name = "text")]
pub enum NoticeKind {
    /// A run ended, and its task was done.
    #[serde(rename = "run.succeeded")]
    #[sqlx(rename = "run.succeeded")]
    RunSucceeded,
    /// A run ended, and its task was not done.
    #[serde(rename = "run.failed")]
    #[sqlx(rename = "run.failed")]
    RunFailed,
    /// A run was ended by its user.
    #[serde(rename = "run.cancelled")]
    #[sqlx(rename = "run.cancelled")]
    RunCancelled,
    /// A run met an obstacle that may pass, and waits until its user resumes it.
    #[serde(rename = "run.paused")]
    #[sqlx(rename = "run.paused")]
    RunPaused,
    /// A run waits for a consent or an answer.
    #[serde(rename = "approval.requested")]
    #[sqlx(rename = "approval.requested")]
    ApprovalRequested,
    /// Calls to models cost as much as a setting says.
    #[serde(rename = "cost.threshold_crossed")]
    #[sqlx(rename = "cost.threshold_crossed")]
    CostThresholdCrossed,
    /// Calls to models have no known price, so they are in no sum of costs.
    #[serde(rename = "cost.price_unknown")]
    #[sqlx(rename = "cost.price_unknown")]
    PriceUnknown,
    /// Another webhook of the organisation was disabled.
    #[serde(rename = "webhook.disabled")]
    #[sqlx(rename = "webhook.disabled")]
    WebhookDisabled,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::RunSucceeded,
        Self::RunFailed,
        Self::RunCancelled,
        Self::RunPaused,
        Self::ApprovalRequested,
        Self::CostThresholdCrossed,
        Self::PriceUnknown,
        Self::WebhookDisabled,
    ];

    /// The name in bodies and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RunSucceeded => "run.succeeded",
            Self::RunFailed => "run.failed",
            Self::RunCancelled => "run.cancelled",
            Self::RunPaused => "run.paused",
            Self::ApprovalRequested => "approval.requested",
            Self::CostThresholdCrossed => "cost.threshold_crossed",
            Self::PriceUnknown => "cost.price_unknown",
            Self::WebhookDisabled => "webhook.disabled",
        }
    }
}

/// A webhook that is asked for.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Its address, which may be a secret.
    pub url: SecretString,
    /// The form of its bodies.
    pub format: WebhookFormat,
    /// The kinds it gets; all when absent.
    pub events: Option<Vec<NoticeKind>>,
    /// A description for people.
    pub description: Option<String>,
}

/// A webhook as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The webhook.
    pub id: WebhookId,
    /// The form of its bodies.
    pub format: WebhookFormat,
    /// Its address; of one for Slack the origin.
    pub url: String,
    /// The kinds it gets.
    pub kinds: Vec<String>,
    /// A description for people.
    pub description: Option<String>,
    /// Where it stands.
    pub state: WebhookState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Attempts that failed since the last that did not.
    pub failures: i32,
    /// The first of them.
    pub failing_since: Option<DateTime<Utc>>,
    /// The last attempt.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// The last attempt that did not fail.
    pub last_success_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Notices that are to be sent.
    pub pending: i64,
    /// Notices that were given up.
    pub dead: i64,
}

/// A delivery as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The notice.
    pub id: NoticeId,
    /// Its kind.
    pub kind: NoticeKind,
    /// Its content.
    pub data: Value,
    /// Where it stands.
    pub state: DeliveryState,
    /// The number of attempts to send it.
    pub attempts: i32,
    /// When it is sent next, as long as it is pending.
    pub due_at: DateTime<Utc>,
    /// The last attempt.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub last_error: Option<String>,
    /// When the receiver took it.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// The place of a webhook's secret, as texts that a [`Place`] can borrow.
#[derive(Clone, Debug)]
pub struct SecretPlace {
    org_id: OrgId,
    row: String,
    name: String,
}

impl SecretPlace {
    /// The place of the secret of this webhook for this address.
    pub fn new(org_id: &OrgId, id: WebhookId, url: &str) -> Self {
        Self {
            org_id: org_id.clone(),
            row: id.to_string(),
            name: format!("secret for {url}"),
        }
    }

    /// The place.
    pub fn place(&self) -> Place<'_> {
        Place {
            org_id: &self.org_id,
            table: "webhooks",
            row: &self.row,
            name: &self.name,
            purpose: "webhook",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_written_the_same_way_everywhere() {
        for kind in NoticeKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
