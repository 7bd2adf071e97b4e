//! Webhooks of an organisation, and what was sent to them.

use url::Url;

use crate::auth::principal::Principal;
use crate::notices::address::AddressRules;
use crate::notices::error::Error;
use crate::notices::model::{
    Delivery, DeliveryCursor, DeliveryState, MAX_DESCRIPTION_CHARS, MAX_WEBHOOKS, NewWebhook,
    NoticeId, NoticeKind, SecretPlace, Webhook, WebhookFormat, WebhookId, WebhookState,
};
use crate::notices::sending::signature;
use crate::notices::store::{deliveries, webhooks};
use crate::notices::view::{CreatedWebhookView, WebhookView};
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::idempotency::model::{Claim, Created, IdempotencyKey, OK};
use crate::platform::idempotency::store as keys;
use crate::platform::ids::OrgId;
use crate::platform::page::LAST_TIME;
use crate::platform::secret::ExposeSecret;
use crate::vault;
use crate::vault::model::Sealed;
use crate::vault::service::Vault;

/// The webhooks of all organisations; cheap to clone.
#[derive(Clone, Debug)]
pub struct Webhooks {
    db: Pool,
    clock: Clock,
    vault: Vault,
    rules: AddressRules,
}

impl Webhooks {
    /// Over a database and a vault, to where `rules` allow.
    pub fn new(db: Pool, clock: Clock, vault: Vault, rules: AddressRules) -> Self {
        Self {
            db,
            clock,
            vault,
            rules,
        }
    }

    /// Makes a webhook, unless a request with this key has made it already. The secret is in the first
    /// answer alone.
    pub async fn create(
        &self,
        principal: &Principal,
        new: NewWebhook,
        key: Option<&IdempotencyKey>,
    ) -> Result<Created<CreatedWebhookView>, Error> {
        let url = self.rules.read(new.url.expose_secret())?;
        let description = checked_description(new.description)?;
        let kinds = checked_kinds(new.events)?;
        let webhook = Webhook {
            id: WebhookId::new(&self.clock),
            format: new.format,
            url: shown_url(&url, new.format),
            kinds,
            description,
            state: WebhookState::Enabled,
            created_at: self.clock.now(),
            failures: 0,
            failing_since: None,
            last_attempt_at: None,
            last_success_at: None,
            last_error: None,
            pending: 0,
            dead: 0,
        };
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        // KMS may take its time, so no transaction is open yet.
        let (sealed, secret) = self.secret(org_id, &webhook, &url).await?;
        let mut tx = self.db.begin().await?;
        if let Claim::Stored(answer) = keys::claim(&mut tx, org_id, user_id, key).await? {
            return Ok(Created::Before(answer));
        }
        if webhooks::count_alone(&mut tx, org_id).await? >= MAX_WEBHOOKS {
            return Err(Error::TooMany);
        }
        webhooks::insert(&mut tx, org_id, user_id, &webhook, &sealed).await?;
        let at = webhook.created_at;
        let mut shown = CreatedWebhookView {
            webhook: WebhookView::from(webhook),
            secret: None,
        };
        // The answer for a repeated request is kept in the clear, so it is kept without the secret.
        keys::keep(&mut tx, org_id, user_id, key, OK, &shown, at).await?;
        tx.commit().await?;
        shown.secret = secret;
        Ok(Created::Now(shown))
    }

    /// A new secret, sealed, and as its holder gets it.
    async fn secret(
        &self,
        org_id: &OrgId,
        webhook: &Webhook,
        url: &Url,
    ) -> Result<(Sealed, Option<String>), Error> {
        let place = SecretPlace::new(org_id, webhook.id, &webhook.url);
        match webhook.format {
            WebhookFormat::Standard => {
                let key = signature::new_key().map_err(vault::error::Error::from)?;
                let sealed = self.vault.seal(&place.place(), &key).await?;
                Ok((sealed, Some(signature::shown(&key))))
            }
            WebhookFormat::Slack => {
                let sealed = self
                    .vault
                    .seal(&place.place(), url.as_str().as_bytes())
                    .await?;
                Ok((sealed, None))
            }
        }
    }

    /// The organisation's webhooks.
    pub async fn list(&self, principal: &Principal) -> Result<Vec<Webhook>, Error> {
        let mut conn = self.db.acquire().await?;
        Ok(webhooks::list(&mut conn, &principal.org_id, None).await?)
    }

    /// One webhook of the organisation.
    pub async fn find(&self, principal: &Principal, id: WebhookId) -> Result<Webhook, Error> {
        let mut conn = self.db.acquire().await?;
        let mut found = webhooks::list(&mut conn, &principal.org_id, Some(id)).await?;
        found.pop().ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// Removes a webhook and everything that was to be sent to it.
    pub async fn delete(&self, principal: &Principal, id: WebhookId) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        if webhooks::delete(&mut conn, &principal.org_id, id).await? {
            Ok(())
        } else {
            Err(Error::NotFound(id.to_string()))
        }
    }

    /// A page of a webhook's deliveries, newest first.
    pub async fn deliveries(
        &self,
        principal: &Principal,
        id: WebhookId,
        state: Option<DeliveryState>,
        after: Option<DeliveryCursor>,
        limit: i64,
    ) -> Result<Vec<Delivery>, Error> {
        self.find(principal, id).await?;
        let after = after.unwrap_or(DeliveryCursor {
            at: LAST_TIME,
            id: NoticeId(uuid::Uuid::max()),
        });
        let mut conn = self.db.acquire().await?;
        let org_id = &principal.org_id;
        Ok(deliveries::list(&mut conn, org_id, id, state, after, limit).await?)
    }

    /// Has a dead delivery sent again.
    pub async fn retry(
        &self,
        principal: &Principal,
        id: WebhookId,
        notice: NoticeId,
    ) -> Result<Delivery, Error> {
        let webhook = self.find(principal, id).await?;
        let (org_id, at) = (&principal.org_id, self.clock.now());
        let mut tx = self.db.begin().await?;
        let found = deliveries::find(&mut tx, org_id, id, notice).await?;
        let found = found.ok_or_else(|| Error::DeliveryNotFound(notice.to_string()))?;
        if found.state != DeliveryState::Dead {
            return Err(Error::NotDead);
        }
        if webhook.state == WebhookState::Disabled {
            return Err(Error::Disabled);
        }
        if !deliveries::revive(&mut tx, org_id, id, notice, at).await? {
            return Err(Error::NotDead);
        }
        let revived = deliveries::find(&mut tx, org_id, id, notice).await?;
        tx.commit().await?;
        revived.ok_or_else(|| Error::DeliveryNotFound(notice.to_string()))
    }
}

/// An address as it is kept and shown: of one for Slack, whose path is the secret, the origin.
fn shown_url(url: &Url, format: WebhookFormat) -> String {
    match format {
        WebhookFormat::Standard => url.as_str().to_owned(),
        WebhookFormat::Slack => url.origin().ascii_serialization(),
    }
}

fn checked_kinds(events: Option<Vec<NoticeKind>>) -> Result<Vec<String>, Error> {
    let mut kinds = events.unwrap_or_else(|| NoticeKind::ALL.to_vec());
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        return Err(Error::NoEvents);
    }
    Ok(kinds.iter().map(|kind| kind.as_str().to_owned()).collect())
}

fn checked_description(description: Option<String>) -> Result<Option<String>, Error> {
    let description = description.map(|text| text.trim().to_owned());
    let description = description.filter(|text| !text.is_empty());
    let fits = description.as_ref().is_none_or(|text| {
        text.chars().count() <= MAX_DESCRIPTION_CHARS && !text.chars().any(char::is_control)
    });
    if fits {
        Ok(description)
    } else {
        Err(Error::Description)
    }
}
