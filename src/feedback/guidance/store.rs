//! The SQL of guidance.

use sqlx::PgConnection;

use crate::feedback::guidance::model::{ApplicableInsight, MIN_CONFIDENCE, TaskContext};
use crate::feedback::insight::InsightType;
use crate::feedback::model::InsightId;
use crate::platform::ids::TeamId;

/// The most insights read. More than enter a prompt, because several may be on one topic.
const CANDIDATES: i64 = 50;

/// Returns the active insights that apply to a task, those of the user first, then those of the team, then
/// those of the organisation.
pub async fn applicable(
    conn: &mut PgConnection,
    task: &TaskContext<'_>,
) -> sqlx::Result<Vec<ApplicableInsight>> {
    let rows = sqlx::query!(
        r#"
        select id as "id: InsightId", insight_type, subject, description, times_applied
        from learning_insights
        where org_id = $1 and is_active and confidence >= $2
          and (team_id is null or team_id = $3)
          and (user_id is null or user_id = $4)
          and (category is null or category = $5)
          and (language is null or $6::text is null or language = $6)
        order by user_id is null, team_id is null, confidence desc, sample_size desc, id
        limit $7
        "#,
        task.org_id.as_str(),
        MIN_CONFIDENCE,
        task.team_id.map(TeamId::as_str),
        task.user_id.as_str(),
        task.category.label(),
        task.language,
        CANDIDATES,
    )
    .fetch_all(conn)
    .await?;
    // Types of a later version are skipped.
    let insights = rows.into_iter().filter_map(|row| {
        Some(ApplicableInsight {
            id: row.id,
            insight_type: InsightType::of(&row.insight_type)?,
            subject: row.subject,
            description: row.description,
            times_applied: row.times_applied,
        })
    });
    Ok(insights.collect())
}
