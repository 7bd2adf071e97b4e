//! Deliveries as an organisation sees them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::notices::model::{
    Delivery, DeliveryCursor, DeliveryState, NoticeId, NoticeKind, WebhookId,
};
use crate::platform::ids::OrgId;

/// A page of a webhook's deliveries, newest first, after `after`.
pub async fn list(
    conn: &mut PgConnection,
    org_id: &OrgId,
    webhook: WebhookId,
    state: Option<DeliveryState>,
    after: DeliveryCursor,
    limit: i64,
) -> sqlx::Result<Vec<Delivery>> {
    sqlx::query_as!(
        Delivery,
        r#"select notice_id as "id: NoticeId", kind as "kind: NoticeKind", data,
                  state as "state: DeliveryState", attempts, due_at, last_attempt_at, last_error,
                  delivered_at, created_at
           from notice_deliveries
           where org_id = $1 and webhook_id = $2 and state = coalesce($3, state)
             and (created_at, notice_id) < ($4, $5)
           order by created_at desc, notice_id desc
           limit $6"#,
        org_id as &OrgId,
        webhook.0,
        state as Option<DeliveryState>,
        after.at,
        after.id.0,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// One delivery.
pub async fn find(
    conn: &mut PgConnection,
    org_id: &OrgId,
    webhook: WebhookId,
    id: NoticeId,
) -> sqlx::Result<Option<Delivery>> {
    sqlx::query_as!(
        Delivery,
        r#"select notice_id as "id: NoticeId", kind as "kind: NoticeKind", data,
                  state as "state: DeliveryState", attempts, due_at, last_attempt_at, last_error,
                  delivered_at, created_at
           from notice_deliveries
           where org_id = $1 and webhook_id = $2 and notice_id = $3"#,
        org_id as &OrgId,
        webhook.0,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// Has a dead delivery sent again, now and with all its attempts before it, also if its webhook waits.
/// Answers whether it was dead.
pub async fn revive(
    conn: &mut PgConnection,
    org_id: &OrgId,
    webhook: WebhookId,
    id: NoticeId,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    // Those that send lock in the same order.
    sqlx::query!(
        "update webhooks set resumes_at = null where org_id = $1 and webhook_id = $2",
        org_id as &OrgId,
        webhook.0,
    )
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query!(
        "update notice_deliveries set state = 'pending', attempts = 0, due_at = $4
         where org_id = $1 and webhook_id = $2 and notice_id = $3 and state = 'dead'",
        org_id as &OrgId,
        webhook.0,
        id.0,
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
