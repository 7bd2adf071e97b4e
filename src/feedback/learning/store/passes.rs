//! The SQL of the analyzer's lock, of the organisations that are due, and of the records of passes.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use crate::feedback::learning::model::{FailedOrg, PassReport};
use crate::platform::ids::OrgId;

/// The analyzer's advisory lock; the number is arbitrary and must never change.
const ANALYZER_LOCK: i64 = 0x6e61_7669_0015;

/// Takes the analyzer's lock for this session. Returns false if another session holds it.
pub async fn try_lock(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select pg_try_advisory_lock($1) as "locked!""#,
        ANALYZER_LOCK
    )
    .fetch_one(conn)
    .await
}

/// Releases the lock. The end of the session would too, but with a delay.
pub async fn unlock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query_scalar!("select pg_advisory_unlock($1)", ANALYZER_LOCK)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// The transactions that a pass covers.
#[derive(Clone, Debug)]
pub struct Window {
    /// First transaction of this pass; earlier ones were analyzed.
    pub from: String,
    /// First transaction of the next pass: the oldest one still open, whose changes are not visible yet.
    pub next: String,
}

/// Returns the window of the next pass. A watermark that this server has not reached yet was copied from
/// another server; then the window starts at zero.
pub async fn window(conn: &mut PgConnection) -> sqlx::Result<Window> {
    sqlx::query_as!(
        Window,
        r#"
        select case when watermark > pg_snapshot_xmax(pg_current_snapshot()) then '0'
                    else watermark::text end as "from!",
               pg_snapshot_xmin(pg_current_snapshot())::text as "next!"
        from learning_progress
        "#,
    )
    .fetch_one(conn)
    .await
}

/// An organisation to analyze.
#[derive(Clone, Debug)]
pub struct DueOrg {
    /// Organisation.
    pub org_id: OrgId,
    /// True for a full analysis, false for that of changes alone.
    pub whole: bool,
}

/// Returns the organisations that are due: those with a rating or a prompt since the last pass, those that
/// failed, and those with insights that were not analyzed today. The one query over all organisations.
pub async fn due(
    conn: &mut PgConnection,
    from: &str,
    today: NaiveDate,
) -> sqlx::Result<Vec<DueOrg>> {
    sqlx::query_as!(
        DueOrg,
        r#"
        with changed as (
            select org_id from learning_suggestions where changed_xid >= $1::text::xid8
            union
            select org_id from learning_exposures where changed_xid >= $1::text::xid8
            union
            select org_id from learning_orgs where failed_at is not null
            union
            select o.org_id from learning_orgs o
            where o.analyzed_on is distinct from $2
              and exists (select from learning_insights i where i.org_id = o.org_id)
        )
        select c.org_id as "org_id!: OrgId",
               (o.failed_at is not null or o.analyzed_on is distinct from $2) as "whole!"
        from changed c
        left join learning_orgs o on o.org_id = c.org_id
        order by c.org_id
        "#,
        from,
        today,
    )
    .fetch_all(conn)
    .await
}

/// Records the day of the analysis of these organisations, and clears their failures.
pub async fn mark_analyzed(
    conn: &mut PgConnection,
    orgs: &[OrgId],
    today: NaiveDate,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into learning_orgs (org_id, analyzed_on)
         select org_id, $2 from unnest($1::text[]) org_id
         on conflict (org_id) do update
         set analyzed_on = excluded.analyzed_on, failed_at = null, problem = null
         where learning_orgs.analyzed_on is distinct from excluded.analyzed_on
            or learning_orgs.failed_at is not null",
        orgs as &[OrgId],
        today,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records a failure, so that the next pass retries the organisation.
pub async fn mark_failed(
    conn: &mut PgConnection,
    org: &FailedOrg,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into learning_orgs (org_id, failed_at, problem) values ($1, $2, $3)
         on conflict (org_id) do update set failed_at = excluded.failed_at, problem = excluded.problem",
        org.org_id.as_str(),
        at,
        org.problem,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves the watermark, at which the next pass starts.
pub async fn advance(
    conn: &mut PgConnection,
    watermark: &str,
    at: DateTime<Utc>,
    succeeded: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update learning_progress
         set watermark = $1::text::xid8,
             last_success = case when $3 then $2 else last_success end",
        watermark,
        at,
        succeeded,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records a pass.
pub async fn record(conn: &mut PgConnection, report: &PassReport) -> sqlx::Result<()> {
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    sqlx::query!(
        "insert into learning_passes (
             started_at, ended_at, outcome, orgs, orgs_failed, rows_read, insights_made,
             insights_changed, insights_retired
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        report.started_at,
        report.ended_at,
        report.outcome.label(),
        number(report.orgs),
        number(report.orgs_failed.len()),
        report.rows_read,
        number(report.insights_made),
        number(report.insights_changed),
        number(report.insights_retired),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns every organisation with ratings, for a full analysis.
pub async fn all_orgs(conn: &mut PgConnection) -> sqlx::Result<Vec<DueOrg>> {
    sqlx::query_as!(
        DueOrg,
        r#"
        select org_id as "org_id!: OrgId", true as "whole!"
        from (
            select distinct org_id from learning_suggestions
            union
            select distinct org_id from learning_counts
            union
            select distinct org_id from learning_insights
        ) orgs
        order by 1
        "#,
    )
    .fetch_all(conn)
    .await
}
