//! The rows that a load left in the database.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Everything that the organisations of a load left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredRows {
    /// Events by batch.
    pub batches: BTreeMap<String, u64>,
    /// Rated answers.
    pub ratings: BTreeSet<i64>,
    /// Answers that can be rated.
    pub answers: BTreeSet<i64>,
    /// Runs.
    pub runs: BTreeSet<Uuid>,
    /// Those of them whose end was recorded.
    pub ends: BTreeSet<Uuid>,
    /// Entries of the audit log for what users asked for.
    pub entries: u64,
    /// Calls of models.
    pub calls: u64,
    /// Tokens of these.
    pub tokens: u64,
    /// Runs that are not over.
    pub open: u64,
}

/// The routes whose requests have an entry each, as the load asks them.
const AUDITED: [&str; 4] = [
    "/api/feedback/submit",
    "/api/jobs",
    "/api/navi/chat/autonomous",
    "/api/navi/chat/stream/v2",
];

/// The time of the database.
pub async fn now(conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(r#"select now() as "now!""#)
        .fetch_one(conn)
        .await
}

/// Reads those that were made since then.
pub async fn rows(
    conn: &mut PgConnection,
    orgs: &[String],
    since: DateTime<Utc>,
) -> sqlx::Result<StoredRows> {
    let (calls, tokens) = calls(conn, orgs, since).await?;
    let mut stored = StoredRows {
        calls,
        tokens,
        batches: batches(conn, orgs, since).await?,
        ratings: ratings(conn, orgs, since).await?,
        answers: answers(conn, orgs, since).await?,
        ends: ends(conn, orgs, since).await?,
        entries: entries(conn, orgs, since).await?,
        ..StoredRows::default()
    };
    let runs = sqlx::query!(
        r#"select run_id, finished_at is null as "is_open!" from runs
           where org_id = any($1) and created_at >= $2"#,
        orgs,
        since
    )
    .fetch_all(conn)
    .await?;
    for run in runs {
        stored.open += u64::from(run.is_open);
        stored.runs.insert(run.run_id);
    }
    Ok(stored)
}

async fn batches(
    conn: &mut PgConnection,
    orgs: &[String],
    since: DateTime<Utc>,
) -> sqlx::Result<BTreeMap<String, u64>> {
    let rows = sqlx::query!(
        r#"select batch_id as "batch_id!", count(*) as "events!" from telemetry_events
           where org_id = any($1) and batch_id is not null and created_at >= $2 group by batch_id"#,
        orgs,
        since
    )
    .fetch_all(conn)
    .await?;
    let one = |events| u64::try_from(events).unwrap_or_default();
    Ok(rows
        .into_iter()
        .map(|row| (row.batch_id, one(row.events)))
        .collect())
}

async fn ratings(
    conn: &mut PgConnection,
    orgs: &[String],
    since: DateTime<Utc>,
) -> sqlx::Result<BTreeSet<i64>> {
    let rows = sqlx::query_scalar!(
        "select gen_id from ai_feedback where org_key = any($1) and created_at >= $2",
        orgs,
        since
    );
    Ok(rows.fetch_all(conn).await?.into_iter().collect())
}

async fn answers(
    conn: &mut PgConnection,
    orgs: &[String],
    since: DateTime<Utc>,
) -> sqlx::Result<BTreeSet<i64>> {
    let rows = sqlx::query_scalar!(
        "select id from ai_generation_log where org_key = any($1) and created_at >= $2",
        orgs,
        since
    );
    Ok(rows.fetch_all(conn).await?.into_iter().collect())
}

async fn ends(
    conn: &mut PgConnection,
    orgs: &[String],
    since: DateTime<Utc>,
) -> sqlx::Result<BTreeSet<Uuid>> {
    let rows = sqlx::query_scalar!(
        "select run_id from task_metrics where org_id = any($1) and created_at >= $2",
        orgs,
        since
    );
    Ok(rows.fetch_all(conn).await?.into_iter().collect())
}

async fn entries(
    conn: &mut PgConnection,
    orgs: &[String],
    since: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let routes = AUDITED.map(str::to_owned);
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from audit_records
           where org_id = any($1) and phase = 'begun' and method = 'POST' and route = any($2)
                 and created_at >= $3"#,
        orgs,
        &routes,
        since
    );
    Ok(u64::try_from(count.fetch_one(conn).await?).unwrap_or_default())
}

/// Calls of models, and their tokens.
async fn calls(
    conn: &mut PgConnection,
    orgs: &[String],
    since: DateTime<Utc>,
) -> sqlx::Result<(u64, u64)> {
    let sums = sqlx::query!(
        r#"select count(*) as "calls!", coalesce(sum(total_tokens), 0)::bigint as "tokens!" from llm_metrics
           where org_id = any($1) and created_at >= $2"#,
        orgs,
        since
    );
    let sums = sums.fetch_one(conn).await?;
    let count = |count| u64::try_from(count).unwrap_or_default();
    Ok((count(sums.calls), count(sums.tokens)))
}
