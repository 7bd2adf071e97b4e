//! The SQL of taking turns, of who is due, and of what is noted about a pass.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use crate::feedback::learning::model::{FailedOrg, Report};
use crate::platform::ids::OrgId;

/// The advisory lock of whoever analyzes; the number is arbitrary and must never change.
const ANALYZING: i64 = 0x6e61_7669_0015;

/// Makes this session the only one that analyzes, until it ends. Answers whether it is.
pub async fn analyze_alone(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "locked!""#, ANALYZING)
        .fetch_one(conn)
        .await
}

/// Lets the next one analyze. The end of the session would do that too, but some time after whoever ended
/// it goes on.
pub async fn let_others(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query_scalar!("select pg_advisory_unlock($1)", ANALYZING)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// From which transaction on this pass looks, and from which the next one will.
#[derive(Clone, Debug)]
pub struct Window {
    /// Everything before has been looked at.
    pub from: String,
    /// The oldest transaction that is still open: whatever it changes has not been seen.
    pub next: String,
}

/// Where the analyzer stands. A place that no transaction of this server has reached yet is another
/// server's, from which the rows were copied: then everything is looked at.
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

/// An organisation that is to be looked at.
#[derive(Clone, Debug)]
pub struct Due {
    /// Which.
    pub org_id: OrgId,
    /// Whether all of it, and not only what has changed.
    pub whole: bool,
}

/// Who is due: of all organisations, which is the one thing that cannot be asked of one of them.
///
/// Those with a rating or a prompt since the last pass, those that failed, and those with insights that
/// were not looked at today.
pub async fn due(conn: &mut PgConnection, from: &str, today: NaiveDate) -> sqlx::Result<Vec<Due>> {
    sqlx::query_as!(
        Due,
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

/// Notes that these were looked at, where that is not noted yet.
pub async fn looked_at(
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

/// Notes that one could not be looked at, so that the next pass tries it again.
pub async fn failed(
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

/// The next pass goes on from here.
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

/// Notes a pass.
pub async fn note(conn: &mut PgConnection, report: &Report) -> sqlx::Result<()> {
    let number = |many: usize| i32::try_from(many).unwrap_or(i32::MAX);
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

/// Everybody who has ever rated anything: of all organisations, to look at all of each.
pub async fn everybody(conn: &mut PgConnection) -> sqlx::Result<Vec<Due>> {
    sqlx::query_as!(
        Due,
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
