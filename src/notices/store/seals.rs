//! Secrets by the key that seals them, over all organisations: what the operator asks.

use sqlx::PgConnection;

use crate::notices::model::WebhookId;
use crate::platform::ids::OrgId;
use crate::vault::model::Sealed;

/// The number of secrets by format and key.
pub async fn count_seals(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"select sealed_with, count(*) as "rows!"
           from webhooks group by sealed_with order by sealed_with"#,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.sealed_with, row.rows))
        .collect())
}

/// A secret that is to be sealed again.
#[derive(Clone, Debug)]
pub struct OldSecret {
    /// The organisation.
    pub org_id: OrgId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// A part of its place.
    pub url: String,
    /// The secret.
    pub secret: Vec<u8>,
}

/// The secrets that are not sealed with `current`.
pub async fn old(conn: &mut PgConnection, current: &str) -> sqlx::Result<Vec<OldSecret>> {
    sqlx::query_as!(
        OldSecret,
        r#"select org_id as "org_id: OrgId", webhook_id as "webhook_id: WebhookId", url, secret
           from webhooks where sealed_with <> $1 order by org_id, webhook_id"#,
        current,
    )
    .fetch_all(conn)
    .await
}

/// Puts a new seal in the place of an old one. Answers whether the old one was still there.
pub async fn renew(conn: &mut PgConnection, old: &OldSecret, new: &Sealed) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update webhooks set secret = $4, sealed_with = $5
         where org_id = $1 and webhook_id = $2 and secret = $3",
        &old.org_id as &OrgId,
        old.webhook_id.0,
        old.secret,
        new.bytes,
        new.with,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
