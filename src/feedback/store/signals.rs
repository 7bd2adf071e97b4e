//! What happened to an answer.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::model::{Signal, SignalSource};
use crate::feedback::store::suggestions;
use crate::platform::ids::OrgId;

/// Notes what happened to a generation, and settles what the analyzer reads of it. Must be called within
/// a transaction. What was noted before is noted once, and a generation that is not there is no error.
pub async fn record(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    signals: &[(Signal, SignalSource)],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    note(conn, org_id, gen_id, signals, at).await.map(drop)
}

/// The same; answers whether any of it was new.
pub async fn note(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    signals: &[(Signal, SignalSource)],
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    if signals.is_empty() {
        return Ok(false);
    }
    let Some(owner) = suggestions::lock(conn, org_id, gen_id).await? else {
        return Ok(false);
    };
    let (names, sources): (Vec<_>, Vec<_>) = signals
        .iter()
        .map(|(signal, source)| (signal.label().to_owned(), source.label().to_owned()))
        .unzip();
    let noted = sqlx::query!(
        "insert into ai_feedback_signals (org_key, gen_id, user_sub, signal, source, created_at)
         select $1, $2, $3, signal, source, $6
         from unnest($4::text[], $5::text[]) as seen (signal, source)
         on conflict (org_key, gen_id, signal) do nothing",
        org_id.as_str(),
        gen_id,
        owner.as_str(),
        &names,
        &sources,
        at,
    )
    .execute(&mut *conn)
    .await?;
    if noted.rows_affected() == 0 {
        return Ok(false);
    }
    suggestions::settle(conn, org_id, gen_id, at).await?;
    Ok(true)
}
