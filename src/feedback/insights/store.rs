//! The SQL of insights as users read them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::feedback::insight::{InsightStatus, InsightType};
use crate::feedback::insights::model::{
    Insight, InsightFilter, InsightReader, InsightText, ScopeKind,
};
use crate::feedback::model::InsightId;
use crate::platform::ids::{OrgId, TeamId, UserId};

/// The query of insights that a reader may see; what else is asked of them differs, and has parameters
/// from `$5` on.
macro_rules! visible {
    ($reader:expr, $rest:literal, $($arguments:tt)*) => {
        sqlx::query_as!(
            Insight,
            r#"select id as "id: InsightId", insight_type, title, description,
                      status as "status: InsightStatus", status_reason, status_since, decided_by,
                      edited_by, team_id, user_id, category, language, confidence, sample_size,
                      evidence, pattern_data, times_applied, last_applied, first_seen,
                      last_updated, effect
               from learning_insights
               where org_id = $1
                 and ($2 or user_id = $3 or (user_id is null and (team_id is null or team_id = $4)))
                 and ($2 or status <> 'proposed' or quoted_user is null or quoted_user = $3) "#
                + $rest,
            &$reader.org_id as &OrgId,
            $reader.sees_all,
            &$reader.user_id as &UserId,
            $reader.team_id.as_ref().map(TeamId::as_str),
            $($arguments)*
        )
    };
}

/// A page of the insights that a reader may see, the newest first.
pub async fn page(
    conn: &mut PgConnection,
    reader: &InsightReader,
    filter: &InsightFilter,
    limit: i64,
) -> sqlx::Result<Vec<Insight>> {
    visible!(
        reader,
        "and ($5::text is null or status = $5)
         and ($6::text is null or insight_type = $6)
         and ($7::text is null or $7 = case when user_id is not null then 'user'
                                            when team_id is not null then 'team'
                                            else 'org' end)
         and ($8::bigint is null or id < $8)
         order by id desc limit $9",
        filter.status.map(InsightStatus::label),
        filter.insight_type.map(InsightType::label),
        filter.scope.map(ScopeKind::label),
        filter.after.map(|id| id.0),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Returns an insight that is visible to a reader.
pub async fn find(
    conn: &mut PgConnection,
    reader: &InsightReader,
    id: InsightId,
) -> sqlx::Result<Option<Insight>> {
    visible!(reader, "and id = $5", id as InsightId,)
        .fetch_optional(conn)
        .await
}

/// Locks an insight until the transaction ends. Returns false if it does not exist.
pub async fn lock(conn: &mut PgConnection, org_id: &OrgId, id: InsightId) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select true as "found!" from learning_insights
           where org_id = $1 and id = $2 for no key update"#,
        org_id as &OrgId,
        id as InsightId,
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Sets the status an administrator decided, unless one already did. The same status, if the analyzer set
/// it, becomes the administrator's decision, which counts do not undo.
pub async fn decide(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: InsightId,
    status: InsightStatus,
    by: &UserId,
    reason: Option<&str>,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update learning_insights
         set status = $3, is_active = ($3 = 'active'), status_reason = $4, decided_by = $5,
             status_since = case when status = $3 then status_since else $6 end, last_updated = $6
         where org_id = $1 and id = $2 and (status <> $3 or decided_by is null)",
        org_id as &OrgId,
        id as InsightId,
        status.label(),
        reason,
        by as &UserId,
        at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Changes the text of an insight, unless it is the same.
pub async fn reword(
    conn: &mut PgConnection,
    org_id: &OrgId,
    id: InsightId,
    text: &InsightText,
    by: &UserId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update learning_insights
         set title = coalesce($3, title), description = coalesce($4, description), edited_by = $5,
             last_updated = $6
         where org_id = $1 and id = $2
           and (title <> coalesce($3, title) or description <> coalesce($4, description))",
        org_id as &OrgId,
        id as InsightId,
        text.title,
        text.description,
        by as &UserId,
        at,
    )
    .execute(conn)
    .await
    .map(drop)
}
