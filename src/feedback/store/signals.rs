//! The SQL of signals.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::model::{FeedbackSignal, SignalSource};
use crate::feedback::store::suggestions;
use crate::platform::ids::OrgId;

/// Records signals on a generation, and refreshes its vote. Must be called within a transaction. Signals
/// that were recorded before are skipped, and a missing generation is no error. Returns true if any of them
/// is new.
pub async fn record(
    conn: &mut PgConnection,
    org_id: &OrgId,
    gen_id: i64,
    signals: &[(FeedbackSignal, SignalSource)],
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    if signals.is_empty() {
        return Ok(false);
    }
    let Some(owner) = suggestions::lock_generation(conn, org_id, gen_id).await? else {
        return Ok(false);
    };
    let (names, sources): (Vec<_>, Vec<_>) = signals
        .iter()
        .map(|(signal, source)| (signal.label().to_owned(), source.label().to_owned()))
        .unzip();
    let recorded = sqlx::query!(
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
    if recorded.rows_affected() == 0 {
        return Ok(false);
    }
    suggestions::refresh(conn, org_id, gen_id, at).await?;
    Ok(true)
}
