//! Taking what is due, and noting what became of it. Taking looks at all organisations; everything else
//! names the one it was taken of.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::notices::model::{NoticeId, NoticeKind, WebhookFormat, WebhookId};
use crate::platform::ids::OrgId;
use crate::platform::page::LAST_TIME;

/// Which webhooks are looked at: those that fail are kept apart, so that they delay no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Those whose last attempt did not fail.
    Healthy,
    /// Those whose last attempt failed.
    Failing,
}

/// A webhook that this server alone sends to, until its claim ends.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The claim.
    pub claim: Uuid,
    /// The organisation.
    pub org_id: OrgId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The form of its bodies.
    pub format: WebhookFormat,
    /// Its address; of one for Slack the origin.
    pub url: String,
    /// Its key or its address, sealed.
    pub secret: Vec<u8>,
    /// Attempts that failed since the last that did not.
    pub failures: i32,
}

/// A notice that is due.
#[derive(Clone, Debug)]
pub struct DueNotice {
    /// The notice.
    pub id: NoticeId,
    /// Its kind.
    pub kind: NoticeKind,
    /// Its content.
    pub data: Value,
    /// The number of attempts to send it.
    pub attempts: i32,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// Claims a webhook for which something is due, the one that was served longest ago. Rows that other
/// servers hold are skipped.
pub async fn claim(
    conn: &mut PgConnection,
    lane: Lane,
    claim: Uuid,
    lasts: Duration,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<Claimed>> {
    sqlx::query_as!(
        Claimed,
        r#"with next as (
             select org_id, webhook_id from webhooks w
             where state = 'enabled' and (failures > 0) = $1
               and (resumes_at is null or resumes_at <= $2)
               and (claimed_until is null or claimed_until < clock_timestamp())
               and exists (select from notice_deliveries d
                           where d.org_id = w.org_id and d.webhook_id = w.webhook_id
                             and d.state = 'pending' and d.due_at <= $2)
             order by last_attempt_at nulls first, webhook_id
             limit 1
             for no key update skip locked
           )
           update webhooks w
           set claim = $3, claimed_until = clock_timestamp() + make_interval(secs => $4)
           from next
           where w.org_id = next.org_id and w.webhook_id = next.webhook_id
           returning w.claim as "claim!", w.org_id as "org_id: OrgId",
                     w.webhook_id as "webhook_id: WebhookId", w.format as "format: WebhookFormat",
                     w.url, w.secret, w.failures"#,
        lane == Lane::Failing,
        at,
        claim,
        lasts.as_secs_f64(),
    )
    .fetch_optional(conn)
    .await
}

/// The first notice that is due for a webhook.
pub async fn next_due(
    conn: &mut PgConnection,
    claimed: &Claimed,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<DueNotice>> {
    sqlx::query_as!(
        DueNotice,
        r#"select notice_id as "id: NoticeId", kind as "kind: NoticeKind", data, attempts, created_at
           from notice_deliveries
           where org_id = $1 and webhook_id = $2 and state = 'pending' and due_at <= $3
           order by due_at, notice_id
           limit 1"#,
        &claimed.org_id as &OrgId,
        claimed.webhook_id.0,
        at,
    )
    .fetch_optional(conn)
    .await
}

/// Gives a webhook back, without an attempt.
pub async fn release(conn: &mut PgConnection, claimed: &Claimed) -> sqlx::Result<()> {
    sqlx::query!(
        "update webhooks set claim = null, claimed_until = null
         where org_id = $1 and webhook_id = $2 and claim = $3",
        &claimed.org_id as &OrgId,
        claimed.webhook_id.0,
        claimed.claim,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Notes that the receiver took a notice, and gives the webhook back.
pub async fn delivered(
    conn: &mut PgConnection,
    claimed: &Claimed,
    due: &DueNotice,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update webhooks
         set failures = 0, failing_since = null, resumes_at = null, last_error = null,
             last_attempt_at = $4, last_success_at = $4, claim = null, claimed_until = null
         where org_id = $1 and webhook_id = $2 and claim = $3",
        &claimed.org_id as &OrgId,
        claimed.webhook_id.0,
        claimed.claim,
        at,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update notice_deliveries
         set state = 'delivered', attempts = attempts + 1, last_attempt_at = $4, delivered_at = $4,
             last_error = null
         where org_id = $1 and webhook_id = $2 and notice_id = $3 and state = 'pending'",
        &claimed.org_id as &OrgId,
        claimed.webhook_id.0,
        due.id.0,
        at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// An attempt that failed, and what follows from it.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'a> {
    /// When it failed.
    pub at: DateTime<Utc>,
    /// Why, in words of ours.
    pub error: &'a str,
    /// When the notice is sent again; none if it is given up.
    pub due_at: Option<DateTime<Utc>>,
    /// Until when nothing is sent to the webhook.
    pub resumes_at: DateTime<Utc>,
    /// Notices written before this are given up too, if the webhook has failed since then without a break.
    pub oldest: DateTime<Utc>,
}

/// Notes an attempt that failed, and gives the webhook back. Answers how many notices were given up.
pub async fn failed(
    conn: &mut PgConnection,
    claimed: &Claimed,
    due: &DueNotice,
    failed: &Failed<'_>,
) -> sqlx::Result<u64> {
    let failing_since = sqlx::query_scalar!(
        r#"update webhooks
           set failures = failures + 1, failing_since = coalesce(failing_since, $4), last_error = $5,
               last_attempt_at = $4, resumes_at = $6, claim = null, claimed_until = null
           where org_id = $1 and webhook_id = $2 and claim = $3
           returning failing_since as "failing_since!""#,
        &claimed.org_id as &OrgId,
        claimed.webhook_id.0,
        claimed.claim,
        failed.at,
        failed.error,
        failed.resumes_at,
    )
    .fetch_optional(&mut *conn)
    .await?;
    sqlx::query!(
        "update notice_deliveries
         set state = case when $6::timestamptz is null then 'dead' else 'pending' end,
             attempts = attempts + 1, last_attempt_at = $4, last_error = $5,
             due_at = coalesce($6, due_at)
         where org_id = $1 and webhook_id = $2 and notice_id = $3 and state = 'pending'",
        &claimed.org_id as &OrgId,
        claimed.webhook_id.0,
        due.id.0,
        failed.at,
        failed.error,
        failed.due_at,
    )
    .execute(&mut *conn)
    .await?;
    let mut dead = u64::from(failed.due_at.is_none());
    if failing_since.is_some_and(|since| since <= failed.oldest) {
        dead += give_up(conn, claimed, failed.oldest, failed.error).await?;
    }
    Ok(dead)
}

/// Disables a webhook whose receiver said on an attempt that it is gone, and gives up what waits for it.
/// Answers how many notices.
pub async fn disable(
    conn: &mut PgConnection,
    claimed: &Claimed,
    due: &DueNotice,
    error: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<u64> {
    sqlx::query!(
        "update webhooks
         set state = 'disabled', failures = failures + 1, failing_since = coalesce(failing_since, $4),
             last_error = $5, last_attempt_at = $4, claim = null, claimed_until = null
         where org_id = $1 and webhook_id = $2 and claim = $3",
        &claimed.org_id as &OrgId,
        claimed.webhook_id.0,
        claimed.claim,
        at,
        error,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update notice_deliveries
         set attempts = attempts + 1, last_attempt_at = $4, last_error = $5
         where org_id = $1 and webhook_id = $2 and notice_id = $3 and state = 'pending'",
        &claimed.org_id as &OrgId,
        claimed.webhook_id.0,
        due.id.0,
        at,
        error,
    )
    .execute(&mut *conn)
    .await?;
    give_up(conn, claimed, LAST_TIME, error).await
}

/// Gives up what waits for a webhook and was written before.
async fn give_up(
    conn: &mut PgConnection,
    claimed: &Claimed,
    before: DateTime<Utc>,
    error: &str,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "update notice_deliveries set state = 'dead', last_error = coalesce(last_error, $4)
         where org_id = $1 and webhook_id = $2 and state = 'pending' and created_at <= $3",
        &claimed.org_id as &OrgId,
        claimed.webhook_id.0,
        before,
        error,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// The number of due notices of all organisations, for a gauge.
pub async fn count_due(conn: &mut PgConnection, at: DateTime<Utc>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from notice_deliveries
           where state = 'pending' and due_at <= $1"#,
        at,
    )
    .fetch_one(conn)
    .await
}
