//! The SQL of idempotency keys.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use crate::platform::db::to_jsonb;
use crate::platform::idempotency::error::Error;
use crate::platform::idempotency::model::{Claim, IdempotencyKey, StoredAnswer};
use crate::platform::ids::{OrgId, UserId};

/// Begins a request within the transaction that will create its thing: says whether it was answered
/// before, and keeps others with the same key away until the transaction ends. Without a key every
/// request is a fresh one.
///
/// A transaction that is only dropped is rolled back some time later, when its connection is back
/// in the pool. Whoever fails after this has to roll back and wait for it, or a client that tries
/// again at once is told that its first request is still being worked on.
pub async fn claim(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    key: Option<&IdempotencyKey>,
) -> Result<Claim, Error> {
    let Some(key) = key else {
        return Ok(Claim::Fresh);
    };
    // Answers that are there need no lock, so that nobody stands in the way of who reads them too.
    if let Some(stored) = find(conn, org_id, user_id, key).await? {
        return Ok(Claim::Stored(stored));
    }
    let alone = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock($1) as "alone!""#,
        key.lock(org_id, user_id),
    )
    .fetch_one(&mut *conn)
    .await?;
    if !alone {
        return Err(Error::InFlight);
    }
    // Whoever held the lock a moment ago may have committed an answer since the first look.
    let stored = find(conn, org_id, user_id, key).await?;
    Ok(stored.map_or(Claim::Fresh, Claim::Stored))
}

/// The answer that is kept for a key, if it was given to the same request.
async fn find(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    key: &IdempotencyKey,
) -> Result<Option<StoredAnswer>, Error> {
    let stored = sqlx::query!(
        "select fingerprint, status, answer from idempotency_keys
         where org_id = $1 and user_id = $2 and key = $3",
        org_id.as_str(),
        user_id.as_str(),
        key.key,
    )
    .fetch_optional(conn)
    .await?;
    match stored {
        None => Ok(None),
        Some(row) if row.fingerprint != key.fingerprint => Err(Error::Reused),
        Some(row) => Ok(Some(StoredAnswer {
            status: u16::try_from(row.status).unwrap_or_default(),
            answer: row.answer,
        })),
    }
}

/// Keeps the answer to a request that [`claim`] called fresh, in the same transaction.
pub async fn keep(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    key: Option<&IdempotencyKey>,
    status: u16,
    answer: &impl Serialize,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let Some(key) = key else {
        return Ok(());
    };
    sqlx::query!(
        "insert into idempotency_keys (org_id, user_id, key, fingerprint, status, answer, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        org_id.as_str(),
        user_id.as_str(),
        key.key,
        &key.fingerprint,
        i16::try_from(status).unwrap_or_default(),
        to_jsonb(answer),
        at,
    )
    .execute(conn)
    .await
    .map(drop)
}
