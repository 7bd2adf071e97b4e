//! Webhooks of an organisation.

use sqlx::PgConnection;

use crate::notices::model::{NoticeKind, Webhook, WebhookFormat, WebhookId, WebhookState};
use crate::platform::ids::{OrgId, UserId};
use crate::vault::model::Sealed;

/// Makes this transaction the only one that adds a webhook to the organisation, and answers how many there
/// are.
pub async fn count_alone(conn: &mut PgConnection, org_id: &OrgId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "select pg_advisory_xact_lock(hashtextextended('webhooks of ' || $1::text, 0))",
        org_id.as_str(),
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from webhooks where org_id = $1"#,
        org_id.as_str(),
    )
    .fetch_one(conn)
    .await
}

/// Adds a webhook.
pub async fn insert(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    webhook: &Webhook,
    secret: &Sealed,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into webhooks
           (org_id, webhook_id, format, url, kinds, description, secret, sealed_with, state, user_id,
            created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        org_id as &OrgId,
        webhook.id.0,
        webhook.format as WebhookFormat,
        webhook.url,
        &webhook.kinds,
        webhook.description,
        secret.bytes,
        secret.with,
        webhook.state as WebhookState,
        user_id as &UserId,
        webhook.created_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The organisation's webhooks, oldest first; with an id that one alone.
pub async fn list(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: Option<WebhookId>,
) -> sqlx::Result<Vec<Webhook>> {
    sqlx::query_as!(
        Webhook,
        r#"select webhook_id as "id: WebhookId", format as "format: WebhookFormat", url, kinds,
                  description, state as "state: WebhookState", created_at, failures, failing_since,
                  last_attempt_at, last_success_at, last_error,
                  (select count(*) from notice_deliveries d
                   where d.org_id = w.org_id and d.webhook_id = w.webhook_id
                     and d.state = 'pending') as "pending!",
                  (select count(*) from notice_deliveries d
                   where d.org_id = w.org_id and d.webhook_id = w.webhook_id
                     and d.state = 'dead') as "dead!"
           from webhooks w
           where org_id = $1 and webhook_id = coalesce($2, webhook_id)
           order by webhook_id"#,
        org_id as &OrgId,
        id.map(|id| id.0),
    )
    .fetch_all(conn)
    .await
}

/// Removes a webhook and what was to be sent to it. Answers whether there was one.
pub async fn delete(conn: &mut PgConnection, org_id: &OrgId, id: WebhookId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from webhooks where org_id = $1 and webhook_id = $2",
        org_id as &OrgId,
        id.0,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The organisations of which a webhook gets any of these kinds: what every server asks for all of them.
pub async fn orgs_that_get(
    conn: &mut PgConnection,
    kinds: &[NoticeKind],
) -> sqlx::Result<Vec<OrgId>> {
    let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
    sqlx::query_scalar!(
        r#"select distinct org_id as "org_id: OrgId" from webhooks
           where state = 'enabled' and kinds && $1 order by 1"#,
        &kinds,
    )
    .fetch_all(conn)
    .await
}
