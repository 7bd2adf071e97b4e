//! The SQL of plans.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::platform::ids::{OrgId, RunId, UserId};

/// Plans from before a moment that were never started, oldest first.
pub async fn unstarted(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<(OrgId, RunId)>> {
    let rows = sqlx::query!(
        r#"select org_id as "org_id: OrgId", run_id as "run_id: RunId" from runs
           where finished_at is null and available_at is null and started_at is null
             and request ? 'plan' and created_at < $1
           order by created_at limit $2"#,
        before,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.org_id, row.run_id))
        .collect())
}

/// Locks the row of a plan that was never started, until the transaction ends. False when it was
/// started or ended meanwhile, or another process has its row locked.
pub async fn lock_unstarted(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<bool> {
    let locked = sqlx::query_scalar!(
        "select run_id from runs
         where org_id = $1 and run_id = $2 and finished_at is null and available_at is null
           and started_at is null
         for update skip locked",
        org_id.as_str(),
        run_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(locked.is_some())
}

/// True for a run of the user's that is a plan, or the work on one. The request, which holds the plan,
/// is dropped with the end of the work; from then on [`metadata`] marks it.
pub async fn is_plan(
    conn: &mut PgConnection,
    org_id: &OrgId,
    user_id: &UserId,
    run_id: RunId,
) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select coalesce(case when finished_at is null then request ? 'plan'
                                else metadata @> $4 end, false) as "is_plan!"
           from runs where org_id = $1 and user_id = $2 and run_id = $3"#,
        org_id.as_str(),
        user_id.as_str(),
        run_id.0,
        metadata(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.unwrap_or(false))
}

/// The note that every plan's job has.
pub fn metadata() -> Value {
    json!({ "source": "plan" })
}

/// The last text of a run's model; none before its first.
pub async fn last_words(
    conn: &mut PgConnection,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<Option<String>> {
    let said = sqlx::query_scalar!(
        "select content->>'text' from run_messages
         where org_id = $1 and run_id = $2 and content->>'role' = 'assistant'
           and content->>'text' ~ '\\S'
         order by position desc limit 1",
        org_id.as_str(),
        run_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(said.flatten())
}
