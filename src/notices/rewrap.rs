//! Sealing the secrets of webhooks again, with the current key.
//!
//! An organisation has a handful, so they are renewed one after the other. A secret that was replaced or
//! removed meanwhile stays as it is, and the walk may be stopped and begun again.

use crate::notices::model::{SecretPlace, WebhookId};
use crate::notices::store::seals;
use crate::platform::database::pool::Pool;
use crate::platform::ids::OrgId;
use crate::vault;
use crate::vault::service::Vault;

/// Why renewing stopped. What was done before stays done.
#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    /// Nothing can be sealed, or KMS stays out of reach.
    #[error(transparent)]
    Vault(#[from] vault::error::Error),
    /// Postgres failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// A secret that does not open.
#[derive(Debug)]
pub struct Unopened {
    /// The organisation.
    pub org_id: OrgId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// Why.
    pub error: vault::error::Error,
}

/// The outcome for all secrets.
#[derive(Debug, Default)]
pub struct Renewed {
    /// Secrets that are sealed with the current key now.
    pub renewed: u64,
    /// Secrets that were replaced or removed meanwhile.
    pub overtaken: u64,
    /// Secrets that do not open. They stay as they are.
    pub failed: Vec<Unopened>,
}

/// Renews every secret that is not sealed with the current key.
pub async fn rewrap(db: &Pool, vault: &Vault) -> Result<Renewed, RewrapError> {
    let current = vault.current().await?;
    let mut conn = db.acquire().await?;
    let old = seals::old(&mut conn, &current).await?;
    // KMS may take its time.
    drop(conn);
    let mut all = Renewed::default();
    for row in old {
        let place = SecretPlace::new(&row.org_id, row.webhook_id, &row.url);
        let opened = match vault.open(&place.place(), &row.secret).await {
            Ok(opened) => opened,
            Err(error) if error.is_passing() => return Err(error.into()),
            Err(error) => {
                let (org_id, webhook_id) = (row.org_id, row.webhook_id);
                all.failed.push(Unopened {
                    org_id,
                    webhook_id,
                    error,
                });
                continue;
            }
        };
        let sealed = vault.seal(&place.place(), &opened).await?;
        let mut conn = db.acquire().await?;
        if seals::renew(&mut conn, &row, &sealed).await? {
            all.renewed += 1;
        } else {
            all.overtaken += 1;
        }
    }
    Ok(all)
}
