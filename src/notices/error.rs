//! Why an operation on a webhook failed.

use crate::notices::address::InvalidUrl;
use crate::notices::model::{MAX_DESCRIPTION_CHARS, MAX_WEBHOOKS};
use crate::platform::idempotency;
use crate::vault;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The organisation has no such webhook.
    #[error("webhook `{0}` not found")]
    NotFound(String),
    /// The webhook has no such delivery.
    #[error("delivery `{0}` not found")]
    DeliveryNotFound(String),
    /// The address is none.
    #[error("`url` {0}")]
    Url(#[from] InvalidUrl),
    /// No kind is wanted.
    #[error("`events` is empty; omit it to receive all events")]
    NoEvents,
    /// The description is too long.
    #[error(
        "`description` is at most {MAX_DESCRIPTION_CHARS} characters without control characters"
    )]
    Description,
    /// There are as many as there may be.
    #[error("an organisation has at most {MAX_WEBHOOKS} webhooks; delete one first")]
    TooMany,
    /// Nothing is sent to a disabled webhook.
    #[error("the webhook is disabled, because its receiver answered 410 Gone; create it again")]
    Disabled,
    /// Only what was given up can be sent again.
    #[error("the delivery is not dead")]
    NotDead,
    /// Nothing can be sealed for now.
    #[error(transparent)]
    Vault(#[from] vault::error::Error),
    /// The request's key cannot be used.
    #[error(transparent)]
    Key(#[from] idempotency::error::Error),
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
