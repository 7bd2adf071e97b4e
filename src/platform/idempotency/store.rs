//! The SQL of idempotency keys.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::platform::idempotency::error::Error;
use crate::platform::idempotency::model::{Claim, IdempotencyKey, StoredAnswer};
use crate::platform::ids::{OrgId, UserId};
use crate::platform::json::to_jsonb;

/// The status of a row that reserves its key. No answer that is kept has it, and a server of an
/// earlier release, which takes the row for an answer, answers with it.
const RESERVED: i16 = 409;

/// Begins a request within the transaction that will create its thing: says whether it was answered
/// before, and keeps others with the same key away until the transaction ends. Without a key every
/// request is a fresh one.
///
/// A transaction that is only dropped is rolled back some time later, when its connection is back in the
/// pool. A caller that fails after this has to roll back and wait for it; otherwise a client that retries
/// at once receives the error that its first request is still being worked on.
pub async fn claim(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    key: Option<&IdempotencyKey>,
) -> Result<Claim, Error> {
    let Some(key) = key else {
        return Ok(Claim::Fresh);
    };
    // Stored answers need no lock, so that readers do not block each other.
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
    forget_expired(conn, org_id, user_id, key).await?;
    // The last holder of the lock may have committed an answer since the first look.
    let stored = find(conn, org_id, user_id, key).await?;
    Ok(stored.map_or(Claim::Fresh, Claim::Stored))
}

/// The answer that is kept for a key, if it was given to the same request. A reservation that has
/// expired counts for nothing.
async fn find(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    key: &IdempotencyKey,
) -> Result<Option<StoredAnswer>, Error> {
    let stored = sqlx::query!(
        "select fingerprint, status, answer,
                case when status = $4 then (answer->>'expires_at')::timestamptz > clock_timestamp()
                end as is_reserved
         from idempotency_keys where org_id = $1 and user_id = $2 and key = $3",
        org_id.as_str(),
        user_id.as_str(),
        key.key,
        RESERVED,
    )
    .fetch_optional(conn)
    .await?;
    match stored {
        None => Ok(None),
        Some(row) if row.is_reserved == Some(false) => Ok(None),
        Some(row) if row.fingerprint != key.fingerprint => Err(Error::Reused),
        Some(row) if row.is_reserved == Some(true) => Err(Error::InFlight),
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

/// Removes the reservation of a request whose server was lost. Waits for a transaction that completes
/// it at this moment.
async fn forget_expired(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    key: &IdempotencyKey,
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from idempotency_keys
         where org_id = $1 and user_id = $2 and key = $3
           and case when status = $4 then (answer->>'expires_at')::timestamptz <= clock_timestamp()
               else false end",
        org_id.as_str(),
        user_id.as_str(),
        key.key,
        RESERVED,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Reserves a key that [`claim`] called fresh, in the same transaction: for a request that takes
/// longer than a transaction may. Once that is committed, further requests with the key are in flight
/// until [`complete`], [`release`] or the end of this time.
pub async fn reserve(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    key: &IdempotencyKey,
    holder: Uuid,
    lasts: Duration,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into idempotency_keys (org_id, user_id, key, fingerprint, status, answer, created_at)
         values ($1, $2, $3, $4, $5,
                 jsonb_build_object('holder', $6::uuid,
                                    'expires_at', clock_timestamp() + make_interval(secs => $7)), $8)",
        org_id.as_str(),
        user_id.as_str(),
        key.key,
        &key.fingerprint,
        RESERVED,
        holder,
        lasts.as_secs_f64(),
        at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Keeps the answer to a request in place of its reservation. False when that has expired and is
/// gone.
pub async fn complete(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    key: &IdempotencyKey,
    holder: Uuid,
    status: u16,
    answer: &impl Serialize,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update idempotency_keys set status = $6, answer = $7
         where org_id = $1 and user_id = $2 and key = $3 and status = $4
           and answer->>'holder' = $5::uuid::text",
        org_id.as_str(),
        user_id.as_str(),
        key.key,
        RESERVED,
        holder,
        i16::try_from(status).unwrap_or_default(),
        to_jsonb(answer),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes the reservation of a request that failed. An answer, and the reservation of another
/// request, stay.
pub async fn release(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    key: &IdempotencyKey,
    holder: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from idempotency_keys
         where org_id = $1 and user_id = $2 and key = $3 and status = $4
           and answer->>'holder' = $5::uuid::text",
        org_id.as_str(),
        user_id.as_str(),
        key.key,
        RESERVED,
        holder,
    )
    .execute(conn)
    .await
    .map(drop)
}
